//! Top-level domains: all countries, and the generic ones that people post. twitter-text carries the whole
//! list; the rest of it would only make rare bare domains count as links.

const COUNTRIES: &str = "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br \
    bs bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et \
    eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in \
    io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh \
    mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm \
    pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf \
    tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw";

const GENERIC: &str = "com net org edu gov mil int info biz name pro aero coop museum jobs mobi travel tel cat asia \
    post xxx arpa academy agency app apple art audio auction band bank bar beer best bet bible bike bio black blog \
    blue boutique build business buzz cab cafe camera camp capital car cards care career cars casa cash center ceo \
    charity chat cheap church city claims cleaning click clinic clothing cloud club coach codes coffee college \
    community company computer consulting construction cool country coupons courses credit cruises dance date \
    dating day deals delivery democrat dental design dev diet digital direct directory discount doctor dog domains \
    download earth eco education email energy engineer engineering equipment estate events exchange expert express \
    fail family fan fans farm fashion film finance financial fish fit fitness flights florist flowers fm football \
    forsale foundation fun fund furniture fyi gallery game games garden gift gifts gives glass global gmbh gold \
    golf google graphics gratis green group guide guru health healthcare help hiphop holiday homes horse hospital \
    host hosting house how ink institute insure international investments jewelry kitchen land law lawyer lease \
    legal lgbt life lighting limited limo link live loan loans lol london love ltd luxury maison management map \
    market marketing mba media memorial men menu money movie nagoya navy network new news ninja nyc one online \
    page paris partners parts party pet pets photo photography photos pics pictures pink pizza place plumbing plus \
    poker press productions promo properties property pub racing recipes red rehab rent rentals repair report \
    republican rest restaurant review reviews rip rocks rodeo run sale school science security services sexy shoes \
    shop shopping show singles site ski social software solar solutions space store stream studio style supplies \
    supply support surf surgery systems tax taxi team tech technology tennis theater tips tires today tokyo tools \
    top tours town toys trade trading training tube university vacations ventures video villas vin vip vision vote \
    voyage watch website wedding wiki win wine work works world wtf xyz yoga zone zip рф xn--p1ai";

pub(super) fn known(label: &str) -> bool {
    let label = label.to_lowercase();
    let list = if label.len() == 2 { COUNTRIES } else { GENERIC };
    list.split_ascii_whitespace().any(|tld| tld == label)
}
