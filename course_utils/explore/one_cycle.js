const T=P.total,way=(a,b,p)=>b+(a-b)/2*(1+Math.cos(Math.PI*p));
function at(k){
const top=C.pct*T-1,l=C.top/C.div,up=k<=top,p=up?k/top:(k-top)/(T-1-top),lo=Math.min(C.low,C.high);
return[up?'up':'down',p,up?way(l,C.top,p):way(C.top,l/P.final,p),up?way(C.high,lo,p):way(lo,C.high,p)]}
function reset(){return{}}
function full(){return S.k>=T}
function step(){const r=at(S.k++);S.rows.push([S.k-1,...r,r[2]/(1-r[3])])}
const all=h=>Array.from({length:T},(_,k)=>h(at(k)));
const reach=r=>r[2]/(1-r[3]);
function pic(){
const one=(y,d,name,h,mine,q)=>{const v=all(h);
return panel([44,y,290,72],[0,T-1],[d,Math.max(...v,...mine)*1.05],'',name,(X,Y)=>locked()?'':line(v.map((z,k)=>[X(k),Y(z)]),'a')+dots(mine.map((z,k)=>[X(k*P.every),Y(z)]),'M',2)+line(S.rows.map((_,k)=>[X(k),Y(v[k])]),q,'stroke-width=2.5'))};
const m=P.mine??[];
return one(18,0,'learning rate',r=>r[2],m.map(r=>r[0]),'b')+one(132,.5,'momentum',r=>r[3],m.map(r=>r[1]),'o')+one(246,0,'reach: rate / (1 − momentum)',reach,m.map(r=>r[0]/(1-r[1])),'g')}
function said(){
if(locked())return'The curves appear after the guess.';
const v=all(reach),r=S.k?S.rows[S.k-1]:0
return(r?`Step ${r[0]}, on the way ${r[1]}: rate ${f(r[3],5)}, momentum ${f(r[4])}. `:'')+`The reach grows to ${f(Math.max(...v)/v[0],1)} times its start.`};
function won(){const v=all(reach);return full()&&Math.max(...v)<P.goal.times*v[0]&&C.div>=P.goal.div}
