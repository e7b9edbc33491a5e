const plan=P.plan?.map(numbers);
const D=P.points,n=D.length,loss=([a,b])=>sum(D.map(([x,y])=>(a*x+b-y)**2))/n;
const right=Math.max(...D.map(d=>d[0])),high=Math.max(...D.map(d=>d[1]));
function reset(){return{w:[...P.start],A:[0,0],B:[0,0],path:[P.start[1]],epoch:n}}
function full(){return S.k>=P.most}
function step(){
const [x,y]=D[S.k%n],o=S.w,p=o[0]*x+o[1],g=[2*(p-y)*x,2*(p-y)],[lr,mu]=plan?[plan[0][S.k],plan[1][S.k]]:[C.lr,C.momentum];
S.w=move(o,g,S.A,S.B,++S.k,lr,mu,C.optimizer??P.optimizer);
S.path.push(S.w[1]);
S.rows.push([S.k,''+x,''+y,...o,p,(p-y)**2,...g,...S.A,...(P.squares?S.B:[]),f(lr,5),...S.w])}
function pic(){
return panel([34,18,300,120],[0,right],[Math.min(0,...D.map(d=>d[1])),high],'x','y and the line',(X,Y)=>dots(D.map(([x,y])=>[X(x),Y(y)]),'M')+line([0,right].map(x=>[X(x),Y(S.w[0]*x+S.w[1])]),'b'))
+panel([34,190,300,110],[0,Math.max(n,S.k)],[Math.min(0,P.target),P.target*1.15],'step','intercept (dashes: where it should be)',(X,Y)=>line([0,9999].map(k=>[X(k),Y(P.target)]),'a','stroke-dasharray=4')+line(S.path.map((b,k)=>[X(k),Y(b)]),'o'))}
function said(){return `Step ${S.k}, epoch ${f(S.k/n,1)}: slope ${f(S.w[0])}, intercept ${f(S.w[1],2)}, loss of all ${n} points ${f(loss(S.w),2)}.`}
function won(){return S.w[1]>P.goal.above&&S.w[1]<2*P.target-P.goal.above}
