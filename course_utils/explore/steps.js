// Numbers that are written as the lowest, the size of a level, and two characters for each one's level.
const numbers=([low,unit,s])=>(s.match(/../gs)||[]).map(c=>low+unit*((c.charCodeAt(0)-63)*64+c.charCodeAt(1)-63));
// One step of torch.optim for the weights w and their gradients g; A and B remember, t counts from 1.
// RMSProp has no momentum; Adam's first beta is mu.
function move(w,g,A,B,t,lr,mu,name){
return w.map((p,i)=>{
if(name=='Adam')A[i]=mu*A[i]+(1-mu)*g[i];
if(name!='SGD')B[i]=.99*B[i]+.01*g[i]**2;
if(name=='SGD')A[i]=mu*A[i]+g[i];
if(name=='RMSProp')return p-lr*g[i]/(Math.sqrt(B[i])+1e-8);
return p-(name=='Adam'?lr*A[i]/(1-mu**t)/(Math.sqrt(B[i]/(1-.99**t))+1e-8):lr*A[i])})}
