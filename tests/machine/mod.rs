//! `mlup doctor` below Kubernetes: the machine, Docker, the cluster's tool, the way to the API server
//! and the accounts, as far as each can be had or be played here.

mod accounts;
mod clusters;
mod docker;
mod kubeconfig;
mod silent;

use serde_json::Value;

use crate::support::Ran;

/// What `doctor -o json` answered.
pub(crate) fn answer(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.report()))
}

/// The rules and objects that were found.
pub(crate) fn found(answer: &Value) -> Vec<String> {
    let rows = answer["findings"].as_array().unwrap().iter();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.map(|row| format!("{} {}", text(row, "rule"), text(row, "object"))).collect()
}

/// All that was said of the first finding.
pub(crate) fn first(answer: &Value) -> String {
    answer["findings"][0].to_string()
}

/// Fails unless this is the one finding and says all of these.
#[track_caller]
pub(crate) fn is_the_one(ran: &Ran, wanted: &str, words: &[&str]) {
    let answer = answer(ran);
    assert_eq!(found(&answer), [wanted], "{answer:#}\n{}", ran.stderr);
    for word in words {
        assert!(first(&answer).contains(word), "no {word:?} in {answer:#}");
    }
    assert_eq!(ran.code, Some(1), "{}", ran.report());
}

/// Fails unless nothing was found.
#[track_caller]
pub(crate) fn is_well(ran: &Ran) {
    let answer = answer(ran);
    assert_eq!(found(&answer), Vec::<String>::new(), "{answer:#}");
    assert_eq!(ran.code, Some(0), "{}", ran.report());
}
