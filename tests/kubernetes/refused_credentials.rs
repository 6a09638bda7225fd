//! Registries whose password cannot be had: each way has an exit code, a place and a fix, and
//! nothing is written.

use super::{CANARY, SERVER};
use crate::support::kubernetes::Kubernetes;
use crate::support::on;

const ECR: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// What `az acr credential show` and `gcloud auth print-access-token` say instead of a password.
const AZ: &str = "exec = [\"az\", \"acr\", \"credential\", \"show\", \"-n\", \"shop\", \"-o\", \
    \"tsv\", \"--query\", \"passwords[0].value\"]\nusername = \"shop\"";
const GCLOUD: &str = "exec = [\"gcloud\", \"auth\", \"print-access-token\"]\n\
    username = \"oauth2accesstoken\"\nttl = \"1h\"";
const EXEC: &str = "exec = [\"get-token\"]\nusername = \"robot\"";

const AZ_LOGIN: &str = "ERROR: Please run 'az login' to setup account.\n";
const AZ_ADMIN: &str =
    "ERROR: Run 'az acr update -n shop --admin-enabled true' to enable admin first.\n";
const GCLOUD_LOGIN: &str = "ERROR: (gcloud.auth.print-access-token) You do not currently have an \
    active account selected.\nPlease run:\n\n  $ gcloud auth login\n\nto obtain new credentials.\n";

/// An SSO profile whose login ended long ago.
const SSO_CONFIG: &str = "[profile dev]\nsso_session = work\nsso_account_id = 123456789012\n\
    sso_role_name = Dev\n[sso-session work]\nsso_region = us-east-1\n\
    sso_start_url = https://mlup-test.example/start\n";
const SSO_CACHE: &str = "{\"startUrl\":\"https://mlup-test.example/start\",\"region\":\"us-east-1\",\
    \"accessToken\":\"c4n4ry-token\",\"expiresAt\":\"2020-01-01T00:00:00Z\"}";

/// The SHA-1 of the session's name, under which the `aws` command keeps the login.
const SSO_CACHE_NAME: &str = "e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json";

/// A way to have no password: the registry and its fields, what its program answers with exit 1 (or
/// with 0 where that is nothing), the exit code of mlup, and words of its report.
type Row = (&'static str, &'static str, Option<&'static str>, i32, &'static [&'static str]);

const ROWS: [Row; 12] = [
    (
        SERVER,
        "docker_config = true",
        None,
        4,
        &["REGISTRY_CREDENTIALS_MISSING", "docker login 127.0.0.1:1"],
    ),
    (SERVER, EXEC, Some(""), 4, &["REGISTRY_EXEC_EMPTY", "printed no password", "get-token"]),
    (
        SERVER,
        EXEC,
        Some("the vault is sealed\n"),
        4,
        &["REGISTRY_EXEC_FAILED", "exit code 1", "the vault is sealed", "get-token"],
    ),
    (SERVER, "exec = [\"nowhere\"]\nusername = \"u\"", None, 4, &["TOOL_MISSING", "nowhere"]),
    (
        SERVER,
        "username = \"u\"\npassword = \"${UNSET:-}\"",
        None,
        3,
        &["REGISTRY_PASSWORD_EMPTY", "password"],
    ),
    ("shop.azurecr.io", AZ, Some(AZ_LOGIN), 4, &["CLOUD_LOGIN_NEEDED", "Azure", "az login"]),
    (
        "shop.azurecr.io",
        AZ,
        Some(AZ_ADMIN),
        4,
        &["ACR_ADMIN_DISABLED", "`shop`", "az acr update -n shop --admin-enabled true"],
    ),
    (
        "europe-docker.pkg.dev",
        GCLOUD,
        Some(GCLOUD_LOGIN),
        4,
        &["CLOUD_LOGIN_NEEDED", "Google Cloud", "gcloud auth login"],
    ),
    (
        ECR,
        "ecr = true\nregion = \"us-west-2\"",
        None,
        3,
        &["ECR_REGION_DIFFERS", "us-east-1", "us-west-2", "mlup.toml"],
    ),
    (SERVER, "ecr = true\nregion = \"mars\"", None, 3, &["ECR_REGION_INVALID", "mars"]),
    (
        ECR,
        "ecr = true",
        None,
        4,
        &[
            "ECR_CREDENTIALS_MISSING",
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
            "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
            "profile `default`  it has no credentials",
            "instance metadata  switched off",
            "aws sso login",
        ],
    ),
    (
        ECR,
        "ecr = true\nprofile = \"dev\"",
        None,
        4,
        &["ECR_CREDENTIALS_EXPIRED", "profile `dev`", "aws sso login --profile dev"],
    ),
];

#[test]
fn a_password_that_cannot_be_had_is_named_with_its_fix_and_nothing_is_written() {
    for (server, fields, said, code, words) in ROWS {
        let site = Kubernetes::site().env("AWS_EC2_METADATA_DISABLED", "true");
        let namespace = site.made_namespace("a");
        let site = match said {
            Some("") => site.tool("get-token", &[on(["..."]).stderr("")]),
            Some(said) => {
                let program = fields.split('"').nth(1).unwrap();
                site.tool(program, &[on(["..."]).stdout(CANARY).stderr(said).exit(1)])
            }
            None => site,
        };
        let home = site.sandbox.root().join("home/.aws");
        std::fs::create_dir_all(home.join("sso/cache")).unwrap();
        std::fs::write(home.join("config"), SSO_CONFIG).unwrap();
        std::fs::write(home.join("sso/cache").join(SSO_CACHE_NAME), SSO_CACHE).unwrap();
        site.config(&format!(
            "[[registry]]\nserver = \"{server}\"\nsecret = \"regcred\"\n\
             namespaces = [\"{namespace}\"]\n{fields}\n"
        ));
        let ran = site.sandbox.run(&["start"]).exits(code);
        for words in words.iter().chain(&["registry/regcred"]) {
            assert!(ran.stderr.contains(words), "{server}: {words}: {}", ran.report());
        }
        assert!(!ran.report().contains(CANARY), "{}", ran.report());
        assert_eq!(site.secret(&namespace, "regcred"), None, "{server} {fields}");
    }
}

#[test]
fn a_token_of_an_hour_is_good_until_half_of_it_is_over() {
    let site = Kubernetes::site()
        .tool("gcloud", &[on(["auth", "print-access-token"]).stdout("ya29.c4n4ry-token\n")]);
    let namespace = site.namespace("a");
    site.config(&format!(
        "[[registry]]\nserver = \"europe-docker.pkg.dev\"\nsecret = \"regcred\"\n\
         namespaces = [\"{namespace}\"]\n{GCLOUD}\n"
    ));
    site.sandbox.run(&["start"]).exits(0);
    let shown = site.sandbox.run(&["creds", "status"]).exits(0);
    assert!(shown.stdout.contains("in 59 min"), "{}", shown.report());
    let path = format!("/api/v1/namespaces/{namespace}/secrets/regcred");
    let secret = site.get(&path).unwrap();
    let end: jiff::Timestamp =
        secret["metadata"]["annotations"]["mlup.dev/expires-at"].as_str().unwrap().parse().unwrap();
    let half = jiff::SignedDuration::from_mins(31);
    let begun = end.checked_sub(jiff::SignedDuration::from_hours(1)).unwrap();
    // As if it were half an hour later: the life moves back.
    for (name, at) in [("expires-at", end), ("refreshed-at", begun)] {
        let at = at.checked_sub(half).unwrap().to_string();
        let fields = serde_json::json!({ format!("mlup.dev/{name}"): at });
        site.merge(&path, &serde_json::json!({ "metadata": { "annotations": fields } }));
    }
    site.sandbox.run(&["creds", "refresh"]).exits(0);
    assert_eq!(site.sandbox.calls("gcloud").len(), 2);
    assert!(!shown.report().contains(CANARY));
}
