//! One registry in 500 namespaces, over HTTP: in bounded time, few requests at once, and a busy
//! server is given the pause that it asks for.

use std::time::{Duration, Instant};

use super::{CANARY, registry};
use crate::support::kube::Fault;
use crate::support::kubernetes::Kubernetes;
use crate::support::on;

/// Most time for all of them.
const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn five_hundred_namespaces_are_refreshed_few_at_a_time() {
    let site =
        Kubernetes::fake().tool("get-token", &[on(["--bare"]).stdout(&format!("{CANARY}\n"))]);
    let names: Vec<String> = (0..500).map(|number| site.namespace(&format!("n{number}"))).collect();
    let fake = site.fake_api().unwrap();
    fake.change(|world| names.iter().for_each(|name| world.namespace(name)));
    site.config(&registry(&names.iter().map(String::as_str).collect::<Vec<_>>(), ""));
    site.sandbox.run(&["start"]).exits(0);
    assert_eq!(site.writes().len(), 500);

    fake.change(|world| {
        world.fault("PATCH ", Fault::Throttle(1), 3);
        // As long as a server needs that writes to its disk; else none would meet another.
        world.fault("PATCH ", Fault::Delay(10), 500);
    });
    let (asked, began) = (fake.requests().len(), Instant::now());
    let ran = site.sandbox.run(&["creds", "refresh", "--force"]).exits(0);
    let took = began.elapsed();
    assert!(took < LIMIT, "{took:?}: {}", ran.report());
    assert!((2..=16).contains(&fake.in_flight_max()), "{} at once", fake.in_flight_max());
    let requests = fake.requests().split_off(asked);
    let patches: Vec<Instant> =
        requests.iter().filter(|asked| asked.method == "PATCH").map(|asked| asked.at).collect();
    assert_eq!(patches.len(), 503, "each once, and three again");
    // Nothing more is sent until the second is over; what was under way still arrives in it.
    let gap = patches.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(gap >= Duration::from_millis(500), "{gap:?}");
    assert_eq!(site.sandbox.calls("get-token").len(), 2, "once for all of them");

    let asked = fake.requests().len();
    site.sandbox.run(&["creds", "refresh"]).exits(0);
    let idle = fake.requests().len() - asked;
    assert!(idle <= 3, "one list tells that all is well: {idle} requests");
}
