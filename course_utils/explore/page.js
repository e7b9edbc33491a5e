// What every explorer shares. Each brings reset, step, pic and said, and may bring full, tab and won:
// the state S holds the number of steps taken, S.k, and a row of numbers for each, S.rows.
const $=i=>document.getElementById(i),control=c=>$('k-'+c);
const C={};
let S;
const locked=()=>$('c').disabled;
const esc=z=>(''+z).replace(/&/g,'&amp;').replace(/</g,'&lt;');
const f=(z,d=3)=>typeof z!='number'?esc(z??''):!isFinite(z)?'too large':(z&&(Math.abs(z)>=1e5||Math.abs(z)<.5/10**d)?z.toExponential(1):z.toFixed(d)).replace(/-/g,'−');
const sum=v=>v.reduce((a,b)=>a+b,0);
// SVG: text, a line through points (those out of reach are cut off), and a panel with its axes.
const txt=(x,y,t,c='')=>`<text x=${x} y=${y} class='${c}'>${esc(t)}</text>`;
const far=z=>isFinite(z)?Math.max(-2e3,Math.min(2e3,z)).toFixed(1):2e3;
const line=(ps,c,more='')=>`<polyline class=${c} fill=none stroke-width=1.7 ${more} points='${ps.map(p=>p.map(far)).join(' ')}'/>`;
const dots=(ps,c,r=2.5)=>ps.map(p=>`<circle class=${c} cx=${far(p[0])} cy=${far(p[1])} r=${r} />`).join('');
function ticks(a,b){
const u=10**Math.floor(Math.log10((b-a)/2)),s=u*[1,2,5].find(k=>(b-a)/u/k<6),r=[];
for(let i=Math.ceil(a/s-1e-9);i*s<=b+1e-9*s;i++)r.push(+(i*s).toPrecision(6));
return r}
function panel([l,t,w,h],[a,b],[c,d],xl,yl,inner){
const X=x=>(x-a)/(b-a)*w,Y=y=>h-(y-c)/(d-c)*h;
return ticks(a,b).map(x=>txt(l+X(x),t+h+14,(''+x).replace('-','−'),'m')).join('')+ticks(c,d).map(y=>txt(l-4,t+Y(y)+4,(''+y).replace('-','−'),'e')).join('')
+`<svg x=${l} y=${t} width=${w} height=${h}><rect class=a width=${w} height=${h} />${inner(X,Y)}</svg>`+txt(l+w/2,t+h+29,xl,'m')+txt(l,t-5,yl)}
// The page.
const end=()=>window.full?full():S.k>1999;
function show(){
$('s').innerHTML=pic();
const rows=window.tab?tab():S.rows;
$('t').innerHTML=`<caption>${esc(P.caption)}</caption><thead><tr>${P.cols.map(c=>'<th scope=col>'+esc(c)).join('')}<tbody>`
+rows.map((r,i)=>`<tr${i==(S.on??rows.length-1)?' class=on':''}>`+r.map((z,j)=>'<td>'+(j?f(z):esc(z))).join('')).join('');
if(!window.tab)$('r').scrollTop=1e6;
if(P.goal&&!S.won&&window.won&&won())S.won=S.k;
$('goal').textContent=P.goal?'Goal: '+P.goal.text+(S.won?' ✔ Reached at step '+S.won+'.':''):'';
$('say').textContent=said();
document.querySelectorAll('.n').forEach(b=>b.disabled=end());
fit()}
function fit(){try{frameElement.style.height=document.body.offsetHeight+6+'px'}catch{}}
function go(n){for(n=n||S.epoch;n--&&!end();)step();show()}
function fresh(){
for(const [id,,v,a,,,d] of P.controls){const e=control(id);C[id]=typeof v=='number'?+e.value:e.value;
if(!a.map)e.nextSibling.textContent=f(C[id],d)}
S=reset();S.k??=0;S.rows??=[];show()}
// Called when the explorer's own functions are there.
function begin(){
onresize=fit;
$('s').setAttribute('viewBox',`0 0 ${P.size}`);
$('c').innerHTML+=P.controls.map(([id,t,v,a,b,c])=>`<label for=k-${id}><span>${esc(t)}</span>`+(a.map?`<select id=k-${id}>`+a.map(o=>`<option${o===v?' selected':''}>`+esc(o)).join('')+'</select>'
:`<input type=range id=k-${id} min=${a} max=${b} step=${c} value=${v}><b aria-hidden=true></b>`)+'</label>').join('')
+P.buttons.map(([t,n])=>`<button class=n data-n=${n}>${t}</button>`).join('')+'<button id=back>back to the start</button>';
P.controls.forEach(c=>control(c[0]).oninput=window.moved??fresh);
document.querySelectorAll('.n').forEach(b=>b.onclick=()=>go(+b.dataset.n));
$('back').onclick=()=>{if(window.moved)P.controls.forEach(c=>control(c[0]).value=c[2]);fresh()};
$('goal').hidden=!P.goal;
// A guess comes first: until it is made, nothing else can be used.
if(P.ask){const q=$('q'),t='<legend>Guess first</legend>'+esc(P.ask[0]);
q.hidden=false;$('c').disabled=true;
q.innerHTML=t+'<br>'+P.ask[1].map(o=>`<button>${esc(o)}</button>`).join('');
q.onclick=e=>{const b=e.target.closest('button');if(b){const o=b.textContent;q.innerHTML=t+` <b>Your guess: ${esc(o)}.</b> Now try it.`;
document.body.dataset.guess=o;$('c').disabled=false;show();($('c').querySelector('.n'))?.focus()}}}
fresh()}
// Light or dark as the page around it, where it can be seen.
function theme(){try{const d=parent.document,j=d.body.dataset.jpThemeLight,t=j?(j=='true'?'light':'dark'):d.documentElement.dataset.theme;
document.documentElement.style.colorScheme=t=='light'||t=='dark'?t:''}catch{}}
theme();
try{for(const e of [parent.document.body,parent.document.documentElement])new MutationObserver(theme).observe(e,{attributes:true})}catch{}
