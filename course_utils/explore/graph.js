// P.nodes: [name, operation, first, second, formula, column, row], in the order of the computation.
const N=P.nodes,O={'+':(a,b)=>[a+b,1,1],'-':(a,b)=>[a-b,1,-1],'*':(a,b)=>[a*b,b,a],relu:a=>[Math.max(a,0),+(a>0)],square:a=>[a*a,2*a]};
const from=i=>N[i].slice(2,4).filter(j=>j>=0);
function reset(){return{v:[],g:N.map(()=>0),back:{},got:N.map(()=>[]),on:0}}
function full(){return S.k>=2*N.length}
const g=z=>f(z,Number.isInteger(z)?0:2);
function step(){
const k=S.k++,L=N.length;
if(k<L){
const [name,op]=N[k],r=op?O[op](...from(k).map(j=>S.v[j])):[C[name]];
S.v[k]=r[0];S.on=k;N[k].l=r.slice(1);
S.text=`Forward: ${name} = ${N[k][4]?N[k][4]+' = ':''}${g(r[0])}.`
}else{
const i=2*L-1-k;S.on=i;
if(k==L){S.g[i]=1;S.got[i].push(1)}
const t=from(i).map((j,m)=>{const c=S.g[i]*N[i].l[m];S.back[[i,m]]=c;S.g[j]+=c;S.got[j].push(c);return `${g(S.g[i])} · ${g(N[i].l[m])} = ${g(c)} to ${N[j][0]}`});
S.text=`Backward: ${N[i][0]} is complete with gradient ${g(S.g[i])}. It sends ${t.join(' and ')||'nothing on: it is an input'}.`}}
function tab(){return N.map((n,i)=>[n[0],n[4],i<S.k?g(S.v[i]):'',i<S.k?n.l.map(g).join(' and '):'',S.got[i].map(g).join(' + '),S.got[i].length?g(S.g[i]):''])}
function pic(){
const X=i=>45+N[i][5]*118,Y=i=>36+N[i][6]*92;
let r='';
N.forEach((n,i)=>from(i).forEach((j,m)=>{
const x=X(i),y=Y(i),d=from(i)[0]==from(i)[1]?m*16-8:0;
r+=line([[X(j),Y(j)+d],[x,y+d]],'a');
if([i,m]in S.back)r+=txt(X(j)*.52+x*.48,Y(j)*.52+y*.48+d-3,g(S.back[[i,m]]),'m O')}));
N.forEach((n,i)=>{r+=`<rect x=${X(i)-37} y=${Y(i)-25} width=74 height=50 rx=6 class='${i==S.on&&S.k?'N':''} b' style='${i==S.on&&S.k?'':'fill:var(--bg)'}'/>`
+txt(X(i),Y(i)-10,n[4]?`${n[0]} = ${n[4]}`:n[0],'m')+txt(X(i),Y(i)+5,i<S.k?g(S.v[i]):'?','m')+(S.got[i].length?txt(X(i),Y(i)+20,'grad '+g(S.g[i]),'m O'):'')});
return r}
function said(){return S.text??'Press “next node”: first the values, from the inputs to the result; then the gradients, back to the inputs.'}
