//! `mlup doctor` below Kubernetes: the machine, Docker, the cluster's tool, the way to the API server
//! and the accounts, as far as each can be had or be played here.

mod accounts;
mod clusters;
mod docker;
mod kubeconfig;
mod mended;
mod silent;

use serde_json::Value;

use crate::support::Ran;

/// What `doctor -o json` answered.
pub(crate) fn answer(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.report()))
}

/// The findings, but for what is true of the disk of the machine that the tests run on.
fn rows(answer: &Value) -> Vec<&Value> {
    let rows = answer["findings"].as_array().unwrap().iter();
    rows.filter(|row| row["rule"] != "DOC-04" && row["rule"] != "K3D-04").collect()
}

/// The rules and objects that were found.
pub(crate) fn found(answer: &Value) -> Vec<String> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let rows = rows(answer).into_iter();
    rows.map(|row| format!("{} {}", text(row, "rule"), text(row, "object"))).collect()
}

/// The first finding.
pub(crate) fn first(answer: &Value) -> &Value {
    rows(answer)[0]
}

/// Fails unless the exit code says whether anything was found.
#[track_caller]
fn exits_as_it_says(ran: &Ran, answer: &Value) {
    let is_well = answer["findings"].as_array().unwrap().is_empty();
    assert_eq!(ran.code, Some(i32::from(!is_well)), "{}", ran.report());
}

/// Fails unless this is the one finding and says all of these.
#[track_caller]
pub(crate) fn is_the_one(ran: &Ran, wanted: &str, words: &[&str]) {
    let answer = answer(ran);
    assert_eq!(found(&answer), [wanted], "{answer:#}\n{}", ran.stderr);
    let told = first(&answer).to_string();
    for word in words {
        assert!(told.contains(word), "no {word:?} in {answer:#}");
    }
    exits_as_it_says(ran, &answer);
}

/// Fails unless nothing was found.
#[track_caller]
pub(crate) fn is_well(ran: &Ran) {
    let answer = answer(ran);
    assert_eq!(found(&answer), Vec::<String>::new(), "{answer:#}");
    exits_as_it_says(ran, &answer);
}
