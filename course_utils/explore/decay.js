function reset(){return{a:[P.start],b:[P.start],M:[[0],[0],[0],[0]],pa:[P.start],pb:[P.start]}}
function step(){
const t=++S.k,[A,B,U,V]=S.M,wa=S.a[0],wb=S.b[0],ga=P.curvature*(wa-P.target)+C.wd*wa,gb=P.curvature*(wb-P.target),o=C.optimizer??'SGD';
S.a=move(S.a,[ga],A,B,t,C.lr,C.momentum,o);
S.b=move([wb*(1-C.lr*C.wd2)],[gb],U,V,t,C.lr,C.momentum,o);
S.pa.push(S.a[0]);S.pb.push(S.b[0]);
S.rows.push([t,ga,A[0],S.a[0],gb,U[0],S.b[0]])}
function full(){return S.k>=P.most}
function pic(){
const lo=Math.min(0,P.start),hi=Math.max(P.target,P.start)*1.8;
return panel([34,18,300,260],[0,P.most],[lo,hi],'step','the weight',(X,Y)=>line([[X(0),Y(P.target)],[X(P.most),Y(P.target)]],'a')+txt(6,Y(P.target)-5,'without decay')
+line(S.pa.map((w,k)=>[X(k),Y(w)]),'b')+line(S.pb.map((w,k)=>[X(k),Y(w)]),'o','stroke-dasharray=6,3')
+`<g class=B>${txt(6,16,'— L2: decay inside the gradient','B')}</g>`+txt(6,32,'- - decoupled: decay beside it','O'))}
function said(){return `Step ${S.k}: with L2 the weight is ${f(S.a[0])}, with decoupled decay ${f(S.b[0])}.`}
function won(){return S.k>=P.goal.after&&Math.abs(S.a[0]-S.b[0])<P.goal.apart&&C.momentum>=P.goal.momentum}
