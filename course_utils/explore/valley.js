const X1=numbers(P.x),Y1=numbers(P.y),D=X1.map((x,i)=>[x,Y1[i]]);
const n=D.length,mean=h=>sum(D.map(h))/n;
const xx=mean(d=>d[0]**2),x1=mean(d=>d[0]),xy=mean(d=>d[0]*d[1]),y1=mean(d=>d[1]),yy=mean(d=>d[1]**2);
const loss=([a,b])=>a*a*xx+2*a*b*x1+b*b-2*a*xy-2*b*y1+yy;
const v=xx-x1*x1,best=[(xy-x1*y1)/v];best[1]=y1-best[0]*x1;
const low=loss(best),S0=P.start;
function reset(){return{w:[...S0],A:[0,0],B:[0,0],path:[S0],epoch:Math.ceil(n/C.batch)}}
function step(){
const j=S.k%S.epoch*C.batch,m=Math.min(C.batch,n-j),g=[0,0];
for(let i=j;i<j+m;i++){const e=S.w[0]*D[i][0]+S.w[1]-D[i][1];g[0]+=2*e*D[i][0]/m;g[1]+=2*e/m}
S.w=move(S.w,g,S.A,S.B,++S.k,C.lr,C.momentum,C.optimizer??P.optimizer);
S.path.push(S.w);
S.rows.push([S.k,...g,...S.A,...(P.squares?S.B:[]),...S.w,loss(S.w)])}
function pic(){
const [x0,X1,y0,Y1]=P.view;
return panel([34,18,300,270],[x0,X1],[y0,Y1],'slope','intercept',(X,Y)=>{
let r='';
for(let k=0;k<9;k++){const c=(loss(S0)-low)*4/2.6**k,ps=[];
for(let i=0;i<=60;i++){const t=i*Math.PI/30,u=Math.sqrt(c/v)*Math.cos(t);ps.push([X(best[0]+u),Y(best[1]-x1*u+Math.sqrt(c)*Math.sin(t))])}
r+=line(ps,'a')}
const ps=S.path.map(p=>[X(p[0]),Y(p[1])]);
return r+txt(X(best[0])-6,Y(best[1])+5,'★')+line(ps,'b')+dots(ps.slice(-300),'B')})}
function said(){return `Step ${S.k}: slope ${f(S.w[0])}, intercept ${f(S.w[1])}, loss ${f(loss(S.w),4)}.`}
function won(){return loss(S.w)<P.goal.below&&S.k<=P.goal.within}
