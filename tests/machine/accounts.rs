//! Accounts of AWS, against moto: who lacks what is told apart, and no key is shown.

use crate::machine::{answer, found, is_the_one, is_well};
use crate::support::kubernetes::Kubernetes;
use crate::support::moto::Moto;

const SERVER: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const SECRET: &str = "c4n4ry-secret-access-key";

fn site(url: &str) -> Kubernetes {
    let site =
        Kubernetes::fake().env("AWS_ENDPOINT_URL", url).env("AWS_EC2_METADATA_DISABLED", "true");
    site.config(&format!("[[registry]]\nserver = \"{SERVER}\"\nsecret = \"ecr\"\necr = true\n"));
    site
}

fn with_keys(site: Kubernetes) -> Kubernetes {
    site.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", SECRET)
}

#[test]
fn an_account_that_is_in_order_gives_nothing_and_one_without_keys_is_told() {
    let moto = Moto::start();
    let site = site(&moto.url);
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    is_the_one(
        &ran,
        &format!("CLD-01 registry//{SERVER}"),
        &["AWS_ACCESS_KEY_ID", "aws configure sso"],
    );
    let site = with_keys(site);
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    is_well(&ran);
    assert!(!ran.report().contains("AKIA") && !ran.report().contains(SECRET), "{}", ran.report());
}

#[test]
fn a_profile_that_is_nowhere_and_an_api_that_does_not_answer_are_two_things() {
    let site = with_keys(site("http://127.0.0.1:9")).env("AWS_PROFILE", "nobody");
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    is_the_one(&ran, &format!("CLD-01 registry//{SERVER}"), &["`nobody`"]);
    let site = with_keys(self::site("http://127.0.0.1:9"));
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    let answer = answer(&ran);
    let told = found(&answer);
    assert!(told.iter().all(|one| !one.starts_with("CLD")), "{answer:#}");
    assert!(answer["unchecked"].to_string().contains("AWS account"), "{answer:#}");
    let ran = site.sandbox.run(&["doctor", "--offline", "-o", "json"]);
    let unchecked = self::answer(&ran)["unchecked"].to_string();
    assert!(unchecked.contains("nobody outside"), "{unchecked}");
}
