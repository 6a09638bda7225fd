//! Checks that ask a cluster, over an API server in memory.

use serde_json::{Value, json};

use super::*;
use crate::config::address::{Scheme, ServiceName, ServicePort};
use crate::config::model::{Login, LoginValue, Provider};
use crate::steps::check::doors::{Door, Guide, Key};
use crate::steps::objects::fixture::{FakeApi, status};

const SERVICES: &str = "/api/v1/namespaces/shop/services";
const WEB: &str = "/api/v1/namespaces/shop/services/web";
const PROXY: &str = "GET /api/v1/namespaces/shop/services/web:80/proxy";

fn in_cluster(time: Duration) -> (StepCtx, Said) {
    let (mut ctx, said) = here(time);
    let mut config = (*ctx.config).clone();
    config.namespace = Some("shop".to_owned());
    let mut cluster = fixture::cluster(Provider::Existing);
    cluster.context = Some("there".to_owned());
    config.cluster = Some(cluster);
    ctx.config = Arc::new(config);
    (ctx, said)
}

fn balanced(ip: Option<&str>) -> Value {
    let ingress: Vec<Value> = ip.map(|ip| json!({ "ip": ip })).into_iter().collect();
    json!({
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] },
        "status": { "loadBalancer": { "ingress": ingress } },
    })
}

fn from_pod(probe: CheckProbe, namespace: Option<&str>) -> Check {
    let service = ServiceName { namespace: namespace.map(str::to_owned), name: "web".to_owned() };
    check(probe, Vantage::Pod(ServicePort { service, port: 80, scheme: Scheme::Http }))
}

fn live(url: &str) -> Check {
    let http = HttpProbe { url: Address::parse(url).unwrap(), ..get("") };
    check(CheckProbe::Http(http), Vantage::Host)
}

#[tokio::test]
async fn an_address_that_is_still_to_come_is_watched_for() {
    let server = Server::start(&[&answer(200, "{}")]).await;
    let port = server.address.port();
    let fake = FakeApi::with_namespaces(["shop"]);
    let watch = format!("WATCH {SERVICES}");
    fake.change(|world| {
        world.when(&watch.clone(), move |world| {
            world.put(SERVICES, "web", balanced(None));
            world.when(&watch, |world| {
                world.put(SERVICES, "web", balanced(Some("127.0.0.1")));
            });
        });
    });
    let (ctx, mut said) = in_cluster(LONG);
    let check = live(&format!("http://{{lb:web}}:{port}/health"));
    let prober = Prober::with(&check, &ctx, fake.objects(&ctx));
    let settled = until_met(prober, &check, &ctx).await.unwrap();
    let address = format!("http 200 (http://127.0.0.1:{port}/health) in ");
    assert!(settled.detail.starts_with(&address), "{}", settled.detail);
    let details: Vec<String> = probes(&mut said).into_iter().map(|(_, _, detail)| detail).collect();
    assert_eq!(
        details[..2],
        [
            "there is no service `shop/web`",
            "service `shop/web` has no address yet; a load balancer of the cluster has to give it \
             one",
        ]
    );
}

#[tokio::test]
async fn a_service_without_the_port_is_said_at_the_end() {
    let fake = FakeApi::with_namespaces(["shop"]);
    fake.put(WEB, json!({ "spec": { "ports": [{ "port": 80, "name": "http" }] } }));
    let (ctx, _said) = in_cluster(Duration::from_millis(300));
    let check = live("http://{nodeport:shop/web:grpc}/");
    let prober = Prober::with(&check, &ctx, fake.objects(&ctx));
    let failure = until_met(prober, &check, &ctx).await.unwrap_err();
    let last = "last came service `shop/web` has no port grpc; it has 80 (http)";
    assert!(failure.summary.contains(last), "{}", failure.summary);
    assert_eq!(failure.fix, Some(Fix::safe("kubectl -n shop describe service web")));
}

#[tokio::test]
async fn a_pod_asks_through_the_api_server() {
    let fake = FakeApi::with_namespaces(["shop"]);
    let (ctx, _said) = in_cluster(LONG);
    fake.put(WEB, json!({ "spec": { "ports": [{ "port": 80 }] } }));
    fake.change(|world| {
        world.proxy(("shop", "web"), "80/health", 200, json!({ "status": "ok" }));
    });
    let ok = ("status".to_owned(), "ok".to_owned());
    let http = HttpProbe { json: BTreeMap::from([ok]), ..get("http://web/health?deep=1") };
    let check = from_pod(CheckProbe::Http(http), Some("shop"));
    let tried = Prober::with(&check, &ctx, fake.objects(&ctx)).attempt().await.unwrap();
    assert_eq!(tried.finding, finding::Finding::met("http 200"));
    assert_eq!(fake.calls(), [format!("{PROXY}/health?deep=1")]);

    let words = |text: &str| status(503, "ServiceUnavailable", text);
    let refused =
        "error trying to reach service: dial tcp 10.0.0.9:80: connect: connection refused";
    fake.fault(PROXY, 503, words(refused));
    fake.fault(PROXY, 503, words("error trying to reach service: EOF"));
    let check = from_pod(tcp("web:80"), None);
    let mut prober = Prober::with(&check, &ctx, fake.objects(&ctx));
    for wanted in ["connection refused", "connected", "connected"] {
        assert_eq!(prober.attempt().await.unwrap().finding.detail, wanted);
    }
}

#[tokio::test]
async fn nobody_behind_a_service_is_explained_by_its_pods() {
    let fake = FakeApi::with_namespaces(["shop"]);
    let spec = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] });
    fake.put(WEB, json!({ "spec": spec }));
    fake.change(|world| world.proxy(("shop", "web"), "80/", 200, "".into()));
    let pod = |app: &str, waiting: Value| {
        json!({
            "metadata": { "labels": { "app": app } },
            "spec": { "containers": [{ "name": "web", "image": "shop/web:1" }] },
            "status": { "phase": "Pending", "containerStatuses": [{
                "name": "web", "image": "shop/web:1", "ready": false, "restartCount": 0,
                "imageID": "", "state": { "waiting": waiting },
            }] },
        })
    };
    let key = json!({
        "reason": "CreateContainerConfigError",
        "message": "couldn't find key TOKEN in Secret shop/api",
    });
    let (ctx, _said) = in_cluster(LONG);
    let check = from_pod(tcp("web:80"), None);
    let mut prober = Prober::with(&check, &ctx, fake.objects(&ctx));
    let path = "/api/v1/namespaces/shop/pods/web-1";
    let nobody = "no endpoints available for service \"web\"";
    for (object, part) in [
        (None, "service `shop/web` has no pods"),
        (Some(pod("other", json!({}))), "selects app=web, and no pod has these labels"),
        (
            Some(pod("web", json!({ "reason": "ContainerCreating" }))),
            "no pod of service `shop/web`",
        ),
        (Some(pod("web", key)), "TOKEN"),
    ] {
        if let Some(object) = object {
            fake.put(path, object);
        }
        fake.fault(PROXY, 503, status(503, "ServiceUnavailable", nobody));
        let detail = prober.attempt().await.unwrap().finding.detail;
        assert!(detail.contains(part), "{detail}");
    }
    let wanted = "couldn't find key TOKEN in Secret shop/api";
    let lacking = prober.lacking.clone().unwrap();
    assert!(lacking.evidence.iter().any(|line| line.text.contains(wanted)), "{lacking:?}");
    let settled = until_met(prober, &check, &ctx).await.unwrap();
    assert!(settled.detail.starts_with("connected in "), "{}", settled.detail);
}

#[tokio::test]
async fn what_the_user_may_not_ask_ends_the_check() {
    let fake = FakeApi::with_namespaces(["shop"]);
    let words = "services \"web:80\" is forbidden: User \"me\" cannot get resource \
                 \"services/proxy\" in API group \"\" in the namespace \"shop\"";
    fake.fault(PROXY, 403, status(403, "Forbidden", words));
    let (ctx, _said) = in_cluster(LONG);
    let check = from_pod(tcp("web:80"), None);
    let failure = Prober::with(&check, &ctx, fake.objects(&ctx)).attempt().await.err().unwrap();
    assert_eq!(failure.code, "API_FORBIDDEN");
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_waited_for() {
    let (ctx, _said) = in_cluster(LONG);
    let check = live("http://{lb:web}/");
    let Probed::Needed(changes) = probe(&check, &ctx).await.unwrap() else { panic!("ready") };
    assert!(changes[0].why.contains("there"), "{}", changes[0].why);
}

#[tokio::test]
async fn a_guide_shows_addresses_and_logins_or_why_not() {
    let fake = FakeApi::with_namespaces(["shop"]);
    fake.put(WEB, balanced(Some("10.0.0.7")));
    let secret = json!({ "data": { "password": "YzRuNHJ5" } });
    fake.put("/api/v1/namespaces/shop/secrets/admin", secret);
    let (ctx, _said) = in_cluster(LONG);
    let mut guide = Guide::with(&ctx, fake.objects(&ctx));
    let written = || Some("http://{lb:web}:8001/".to_owned());
    let door = |url: &str, note: Option<&str>| Door {
        name: "api".to_owned(),
        url: url.to_owned(),
        written: written(),
        note: note.map(str::to_owned),
    };
    let web = live("http://{lb:web}:8001/");
    assert_eq!(guide.door(&web).await, Some(door("http://10.0.0.7:8001/", None)));
    assert_eq!(guide.door(&from_pod(tcp("web:80"), None)).await, None);
    fake.change(|world| world.remove(SERVICES, "web"));
    let missing = door("http://{lb:web}:8001/", Some("there is no service `shop/web`"));
    assert_eq!(guide.door(&web).await, Some(missing));

    let kept = |secret: &str| LoginValue::Kept {
        namespace: None,
        secret: secret.to_owned(),
        key: "password".to_owned(),
    };
    let user = LoginValue::Given(Secret::new("admin"));
    let mut login = Login { user, password: kept("admin") };
    let (user, password) = (Some(Secret::new("admin")), Some(Secret::new("c4n4ry")));
    assert_eq!(guide.key(&login).await, Key { user: user.clone(), password, note: None });
    login.password = kept("gone");
    let note = Some("there is no secret `shop/gone`".to_owned());
    assert_eq!(guide.key(&login).await, Key { user, password: None, note });
}
