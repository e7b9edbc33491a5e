const c=P.names.length,ks=[...Array(c).keys()];
function reset(){return{z:ks.map(k=>C['z'+k]),on:-1}}
function probabilities(){const m=Math.max(...S.z),e=S.z.map(z=>Math.exp(z-m)),s=sum(e);return[e,e.map(x=>x/s),m+Math.log(s)]}
const target=()=>P.names.indexOf(C.target);
const loss=()=>probabilities()[2]-S.z[target()];
const slopes=()=>probabilities()[1].map((p,k)=>p-(k==target()));
function step(){const g=slopes();S.z=S.z.map((z,k)=>z-C.lr*g[k]);S.k++;put()}
// The sliders follow the steps.
function put(){ks.forEach(k=>{const e=control('z'+k);e.value=S.z[k];e.nextSibling.textContent=f(S.z[k],2)})}
function moved(e){const k=e.target.id.slice(3);C.lr=+control('lr').value;C.target=control('target').value;
control('lr').nextSibling.textContent=f(C.lr,1);
if(e.target.type=='range'&&e.target.id!='k-lr')S.z[k]=+e.target.value;
S.k=0;S.won=0;put();show()}
function tab(){const [e,p]=probabilities(),g=slopes();return ks.map(k=>[P.names[k],S.z[k],e[k],p[k],k==target()?'1':'0',g[k]])}
function pic(){
const [,p]=probabilities(),g=slopes(),w=300/c,b=(y,h,k,q)=>`<rect class=${q} x=${34+k*w+w*.15} width=${w*.7} y=${h<0?y:y-h} height=${Math.abs(h)} />`;
let r=panel([34,18,300,110],[-.5,c-.5],[P.low,P.high],'','logits z: drag them',(X,Y)=>ks.map(k=>`<rect class=${k==target()?'O':'B'} x=${X(k-.35)} width=${w*.7} y=${Y(Math.max(S.z[k],0))} height=${Math.abs(Y(S.z[k])-Y(0))} />`).join(''));
r=r.replace(/<text[^>]*y=142[^>]*>.*?<\/text>/g,'');
r+=txt(34,160,'probabilities p')+txt(34,240,'gradient p − y: a step goes against it');
ks.forEach(k=>{r+=b(222,p[k]*55,k,k==target()?'O':'B')+txt(34+k*w+w/2,222-p[k]*55-3,p[k]<.005?'':f(p[k],2),'m')+b(285,g[k]*35,k,g[k]<0?'G':'M')+txt(34+k*w+w/2,335,P.names[k],'m')});
return r+line([[34,222],[334,222]],'a')+line([[34,285],[334,285]],'a')}
function said(){return `Right class ${C.target}: probability ${f(probabilities()[1][target()])}, loss −log p = ${f(loss())}.`}
function won(){return loss()<P.goal.below}
$('s').onpointerdown=$('s').onpointermove=e=>{if(!e.buttons||locked())return;
const r=$('s').getBoundingClientRect(),s=340/r.width,x=(e.clientX-r.left)*s,y=(e.clientY-r.top)*s,k=Math.floor((x-34)/300*c);
if(k<0||k>=c||y>140)return;
const i=control('z'+k);i.value=P.high-(y-18)/110*(P.high-P.low);moved({target:i})};
