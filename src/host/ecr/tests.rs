//! Tests of ECR tokens against a server that answers from a script.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::host::http::test_server::{Server, answer};

/// An environment with keys, in which no file and no metadata service counts.
fn keys() -> BTreeMap<String, String> {
    env(&[("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "s3cret-key")])
}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let off = [("AWS_EC2_METADATA_DISABLED", "true")];
    let all = off.iter().chain(pairs);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn authorization(pair: &str) -> String {
    let token = STANDARD.encode(pair);
    answer(
        200,
        &format!(
            r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":1772365000.9,"proxyEndpoint":"https://123456789012.dkr.ecr.us-east-1.amazonaws.com"}}]}}"#
        ),
    )
}

async fn ask(answers: &[&str], env: &BTreeMap<String, String>) -> (Result<Token, Failure>, Server) {
    let server = Server::start(answers).await;
    let endpoint = server.url("");
    let identity =
        Identity { region: Some("us-east-1"), endpoint: Some(&endpoint), ..Identity::default() };
    (token(&identity, env).await, server)
}

async fn refused(code: &str, message: &str) -> Failure {
    let body = format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
    ask(&[&answer(400, &body)], &keys()).await.0.unwrap_err()
}

fn home(folder: &Path, config: &str) -> BTreeMap<String, String> {
    std::fs::create_dir_all(folder.join(".aws")).unwrap();
    crate::host::files::write(&folder.join(".aws/config"), config.as_bytes(), 0o600).unwrap();
    env(&[("HOME", folder.to_str().unwrap())])
}

#[tokio::test]
async fn a_token_is_taken_apart_and_the_request_is_signed() {
    let (token, server) = ask(&[&authorization("AWS:pa:ss")], &keys()).await;
    let token = token.unwrap();
    assert_eq!((token.username.as_str(), token.password.expose()), ("AWS", "pa:ss"));
    assert_eq!(token.expires_at.unwrap().as_second(), 1_772_365_000);
    assert_eq!(token.hosts, ["123456789012.dkr.ecr.us-east-1.amazonaws.com"]);
    let request = &server.requests()[0];
    assert!(request.contains("GetAuthorizationToken"), "{request}");
    assert!(request.contains("Credential=AKIAEXAMPLE/"), "{request}");
    assert!(request.contains("/us-east-1/ecr/aws4_request"), "{request}");
    assert!(!request.contains("s3cret-key"));
}

#[tokio::test]
async fn an_answer_without_a_token_is_a_failure() {
    for empty in [
        answer(200, r#"{"authorizationData":[]}"#),
        answer(200, "{}"),
        authorization("AWS:"),
        authorization("nonsense"),
    ] {
        let failure = ask(&[&empty], &keys()).await.0.unwrap_err();
        assert_eq!(failure.code, "ECR_TOKEN_EMPTY", "{empty}");
    }
}

#[tokio::test]
async fn what_aws_refuses_is_told_by_its_code() {
    for (code, ours) in [
        ("ExpiredTokenException", "ECR_CREDENTIALS_EXPIRED"),
        ("UnrecognizedClientException", "ECR_CREDENTIALS_REJECTED"),
        ("AccessDeniedException", "ECR_ACCESS_DENIED"),
        ("InvalidParameterException", "ECR_REQUEST_FAILED"),
    ] {
        let failure = refused(code, "no").await;
        assert_eq!(failure.code, ours, "{code}");
        assert_eq!(failure.evidence[0].text, format!("{code}: no"));
    }
    let skewed = refused("InvalidSignatureException", "Signature expired: 1 is now earlier").await;
    assert_eq!(skewed.code, "CLOCK_WRONG");
}

#[tokio::test]
async fn the_endpoint_of_the_environment_counts() {
    let server = Server::start(&[&authorization("AWS:pw")]).await;
    let mut env = keys();
    env.insert("AWS_ENDPOINT_URL_ECR".to_owned(), server.url(""));
    env.insert("AWS_REGION".to_owned(), "eu-west-1".to_owned());
    let token = token(&Identity::default(), &env).await.unwrap();
    assert_eq!(token.region, "eu-west-1");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_profile_has_keys_region_and_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[&authorization("AWS:pw")]).await;
    let env = home(
        folder.path(),
        &format!(
            "[profile work]\nregion = eu-north-1\nendpoint_url = {}\n\
             aws_access_key_id = AKIAWORK\naws_secret_access_key = x\n",
            server.url("")
        ),
    );
    let identity = Identity { profile: Some("work"), ..Identity::default() };
    let token = token(&identity, &env).await.unwrap();
    assert_eq!(token.region, "eu-north-1");
    assert!(server.requests()[0].contains("Credential=AKIAWORK/"));
}

#[tokio::test]
async fn a_profile_that_is_configured_wins_over_keys_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[&authorization("AWS:pw")]).await;
    let text = "[profile work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = x\n";
    let mut env = home(folder.path(), text);
    env.extend(keys());
    let endpoint = server.url("");
    let (region, profile, endpoint) = (Some("us-east-1"), Some("work"), Some(endpoint.as_str()));
    token(&Identity { region, profile, endpoint }, &env).await.unwrap();
    assert!(server.requests()[0].contains("Credential=AKIAWORK/"));
}

#[tokio::test]
async fn missing_credentials_name_the_sources_that_were_tried() {
    let identity = Identity { region: Some("us-east-1"), ..Identity::default() };
    let failure = token(&identity, &env(&[])).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "ECR_CREDENTIALS_MISSING"));
    let tried: Vec<&str> = failure.evidence.iter().map(|line| line.source.as_str()).collect();
    assert_eq!(tried, ["environment", "web identity", "profile `default`", "instance metadata"]);
}

#[tokio::test]
async fn an_unknown_profile_lists_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let env = home(folder.path(), "[profile b]\nregion = x-1\n[profile a]\nregion = x-1\n");
    let identity = Identity { profile: Some("wrong"), ..Identity::default() };
    let failure = token(&identity, &env).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Config, "ECR_PROFILE_INVALID"));
    assert_eq!(failure.evidence[0].text, "profiles: a, b");
}

#[tokio::test]
async fn an_sso_profile_without_a_login_says_how_to_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[profile dev]\nregion = eu-west-1\nsso_start_url = https://mlup-test.example/start\n\
                sso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = Dev\n";
    let env = home(folder.path(), text);
    let identity = Identity { profile: Some("dev"), ..Identity::default() };
    let failure = token(&identity, &env).await.unwrap_err();
    assert_eq!(failure.code, "ECR_CREDENTIALS_EXPIRED", "{failure:?}");
    assert_eq!(failure.fix.unwrap().command, "aws sso login --profile dev");
}

#[tokio::test]
async fn a_region_that_is_missing_or_cannot_be_one_is_a_mistake_in_the_configuration() {
    let failure = token(&Identity::default(), &keys()).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Config, "ECR_REGION_MISSING"));
    let identity = Identity { region: Some("evil.example/x"), ..Identity::default() };
    let failure = token(&identity, &keys()).await.unwrap_err();
    assert_eq!(failure.code, "ECR_REGION_INVALID");
}

#[tokio::test]
async fn an_endpoint_where_nothing_listens_is_unreachable() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let identity =
        Identity { region: Some("us-east-1"), endpoint: Some(&endpoint), ..Identity::default() };
    let failure = token(&identity, &keys()).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Transient, "ECR_UNREACHABLE"));
}

/// What `sts:GetCallerIdentity` answers, in the form of the Query protocol of AWS.
fn identity_of(arn: &str) -> String {
    answer(
        200,
        &format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>{arn}</Arn><UserId>A</UserId><Account>1</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        ),
    )
}

async fn whoami(answers: &str, endpoint: Option<&str>) -> Result<Option<String>, Failure> {
    let server = Server::start(&[answers]).await;
    let mut env = keys();
    env.insert("AWS_ENDPOINT_URL_STS".to_owned(), server.url(""));
    if endpoint.is_some() {
        env.remove("AWS_ENDPOINT_URL_STS");
    }
    caller(&Identity { region: Some("us-east-1"), endpoint, ..Identity::default() }, &env).await
}

#[tokio::test]
async fn the_name_of_the_identity_is_asked_of_sts_and_of_nobody_where_ecr_has_an_address() {
    let arn = "arn:aws:iam::123456789012:user/ann";
    assert_eq!(whoami(&identity_of(arn), None).await, Ok(Some(arn.to_owned())));
    assert_eq!(whoami("", Some("http://localhost:9")).await, Ok(None));
}

#[tokio::test]
async fn what_sts_refuses_is_told_by_its_code() {
    for (code, message, ours) in [
        ("InvalidClientTokenId", "The security token is invalid", "ECR_CREDENTIALS_REJECTED"),
        ("ExpiredToken", "The security token is expired", "ECR_CREDENTIALS_EXPIRED"),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated",
            "ECR_CREDENTIALS_REJECTED",
        ),
        ("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2", "CLOCK_WRONG"),
    ] {
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
             <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>r</RequestId></ErrorResponse>"
        );
        let failure = whoami(&answer(403, &body), None).await.unwrap_err();
        assert_eq!(failure.code, ours, "{failure:?}");
    }
}
