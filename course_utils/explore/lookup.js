const W=P.weight,n=W.length,d=W[0].length,m=P.grads.length;
const idx=()=>P.grads.map((_,j)=>C['i'+j]);
function reset(){return{out:P.grads.map(()=>W[0].map(()=>0)),grad:W.map(()=>W[0].map(()=>0)),zero:0,id:idx()}}
function full(){return S.k>=m*n+m}
function step(){
const k=S.k++;
if(k<m*n){const j=Math.floor(k/n),r=k%n,h=+(S.id[j]==r);
S.out[j]=S.out[j].map((z,c)=>z+h*W[r][c]);S.zero+=1-h;
S.rows.push([k+1,'forward',''+j,''+r,''+h,W[r].join(', '),...S.out[j]])
}else{const j=k-m*n,r=S.id[j];
S.grad[r]=S.grad[r].map((z,c)=>z+P.grads[j][c]);
S.rows.push([k+1,'backward',''+j,''+r,'1',P.grads[j].join(', '),...S.grad[r]])}}
function cells(x,y,title,M,on,known=()=>1){
const h=z=>Number.isInteger(z)?f(z,0):f(z,1);
return txt(x,y-6,title)+M.map((r,i)=>r.map((z,c)=>`<rect class='a${on(i,c)?' N':''}' ${on(i,c)?'style=fill:var(--on)':''} x=${x+c*34} y=${y+i*24} width=34 height=24 />`+(known(i,c)?txt(x+c*34+17,y+i*24+16,h(z),'m'):'')).join('')).join('')}
function pic(){
const k=S.k-1,fwd=k<m*n,j=k<0?-1:fwd?Math.floor(k/n):k-m*n,r=k<0?-1:fwd?k%n:S.id[j],x2=20+34*n+30,y2=Math.max(m,n)*24+70;
return cells(10,22,'one-hot of the indices',S.id.map(i=>W.map((_,c)=>+(c==i))),(i,c)=>i==j&&c==r)
+txt(x2-18,22+12*m,'@','m')+cells(x2,22,'weight W',W,i=>fwd&&i==r)+txt(x2+34*d+16,22+12*m,'=','m')
+cells(x2+34*d+34,22,'rows',S.out,i=>fwd&&i==j,i=>k>=i*n)
+cells(10,y2,'grad_out',P.grads,i=>!fwd&&i==j)
+cells(x2,y2,'gradient of W',S.grad,i=>!fwd&&i==r,()=>k>=m*n)}
function said(){return S.k?S.k<=m*n?`${S.k} of ${m*n} rows multiplied, ${S.zero} of them by 0.`:`Backward ${S.k-m*n} of ${m}: row ${S.id[S.k-1-m*n]} of the gradient gets what was sent back for place ${S.k-1-m*n}.`:'Every index is a row with a single 1. Press “1 step”.'}
