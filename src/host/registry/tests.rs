//! Registries from scripts: plain, with passwords, with tokens, and none at all.

use super::*;
use crate::host::http::test_server::Server;

fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// The head of an answer to HEAD.
fn head(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: 0\r\n\r\n")
}

async fn served(answers: &[String]) -> Server {
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    Server::start(&answers).await
}

fn question(server: &Server, login: Option<(&str, &str)>) -> Question {
    let image = format!("127.0.0.1:{}/shop/api:v1", server.address.port());
    Question {
        image: ImageName::parse(&image),
        login: login.map(|(user, password)| Login {
            username: user.to_owned(),
            password: Secret::new(password),
        }),
        depth: Depth::Platforms,
        limit: Duration::from_secs(5),
    }
}

const LIST: &str = r#"{"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]}"#;
const BASIC: &str = "www-authenticate: Basic realm=\"r\"\r\n";
const UNKNOWN: &str =
    r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}"#;

#[tokio::test]
async fn a_registry_without_logins_says_the_platforms() {
    let server = served(&[head(200, ""), answer(200, "", LIST)]).await;
    let verdict = ask(&question(&server, None)).await;
    assert_eq!(verdict, Verdict::Found(vec![Platform::parse("linux/arm64")]));
    let requests = server.requests();
    assert!(requests[0].starts_with("HEAD /v2/shop/api/manifests/v1 "), "{requests:?}");
    assert!(requests[0].contains("application/vnd.oci.image.index.v1+json"), "{requests:?}");
}

#[tokio::test]
async fn a_single_image_says_its_platform_in_its_configuration_wherever_that_is() {
    let config = r#"{"architecture": "amd64", "os": "linux"}"#;
    let store = served(&[answer(200, "", config)]).await;
    let away = format!("location: {}\r\n", store.url("/blob?key=1"));
    let single = r#"{"config": {"digest": "sha256:c"}}"#;
    let server =
        served(&[head(401, BASIC), head(200, ""), answer(200, "", single), answer(307, &away, "")])
            .await;
    let verdict = ask(&question(&server, Some(("me", "pw")))).await;
    assert_eq!(verdict, Verdict::Found(vec![Platform::parse("linux/amd64")]));
    assert!(!store.requests()[0].to_lowercase().contains("authorization"));
    let requests = server.requests();
    assert!(!requests[0].to_lowercase().contains("authorization"), "{requests:?}");
    assert!(requests[1].contains("Basic bWU6cHc="), "{requests:?}");
    assert!(requests[3].starts_with("GET /v2/shop/api/blobs/sha256:c "), "{requests:?}");
}

#[tokio::test]
async fn a_token_is_fetched_with_the_login_and_used() {
    let tokens = served(&[answer(200, "", r#"{"token": "tok"}"#)]).await;
    let challenge =
        format!("www-authenticate: Bearer realm=\"{}\",service=\"s\"\r\n", tokens.url("/t"));
    let server = served(&[head(401, &challenge), head(404, ""), answer(404, "", UNKNOWN)]).await;
    let verdict = ask(&question(&server, Some(("me", "pw")))).await;
    let words = "status 404, MANIFEST_UNKNOWN: manifest unknown".to_owned();
    assert_eq!(verdict, Verdict::Missing(words));
    let asked = &tokens.requests()[0];
    assert!(asked.starts_with("GET /t?service=s&scope=repository:shop/api:pull "), "{asked}");
    assert!(asked.contains("Basic bWU6cHc="), "{asked}");
    assert!(server.requests()[1].contains("Bearer tok"), "{:?}", server.requests());
}

#[tokio::test]
async fn a_refused_login_is_told_by_whoever_refuses_it() {
    let denied = r#"{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}"#;
    let server = served(&[head(401, BASIC), head(401, BASIC), answer(401, BASIC, denied)]).await;
    let words = "status 401, UNAUTHORIZED: authentication required".to_owned();
    assert_eq!(ask(&question(&server, Some(("me", "no")))).await, Verdict::Denied(words));

    let tokens = served(&[answer(401, "", "{}")]).await;
    let challenge = format!("www-authenticate: Bearer realm=\"{}\"\r\n", tokens.url("/t"));
    let server = served(&[head(401, &challenge)]).await;
    let words = "status 401".to_owned();
    assert_eq!(ask(&question(&server, Some(("me", "no")))).await, Verdict::Denied(words));

    let server = served(&[head(401, BASIC)]).await;
    let words = "it wants a login".to_owned();
    assert_eq!(ask(&question(&server, None)).await, Verdict::Denied(words));
}

#[tokio::test]
async fn what_is_not_sure_is_unclear() {
    for status in [429, 500, 503, 405, 302] {
        let server = served(&[head(status, "")]).await;
        assert_eq!(ask(&question(&server, None)).await, Verdict::Unclear, "{status}");
    }
    let server = served(&[head(401, "www-authenticate: Negotiate\r\n")]).await;
    assert_eq!(ask(&question(&server, None)).await, Verdict::Unclear);
    let server = served(&[String::new()]).await;
    assert_eq!(ask(&question(&server, None)).await, Verdict::Unclear);
}

#[tokio::test]
async fn an_image_whose_manifest_is_no_longer_understood_is_still_there() {
    let server = served(&[head(200, ""), answer(200, "", "{}")]).await;
    assert_eq!(ask(&question(&server, None)).await, Verdict::Found(Vec::new()));
    let server = served(&[head(200, "")]).await;
    let question = Question { depth: Depth::Presence, ..question(&server, None) };
    assert_eq!(ask(&question).await, Verdict::Found(Vec::new()));
    assert_eq!(server.requests().len(), 1);
}
