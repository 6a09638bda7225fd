//! Which names say that their value is a secret: `DB_PASSWORD`, `api-key`, `aws.secretAccessKey`.

/// Words with which such a name ends, in lower case and without what joins words.
const ENDINGS: [&str; 41] = [
    "accesskey",
    "accesstoken",
    "accountkey",
    "apikey",
    "apisecret",
    "apitoken",
    "appkey",
    "authkey",
    "authtoken",
    "clientkeydata",
    "clientsecret",
    "connectionstring",
    "connstr",
    "consumersecret",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "creds",
    "csrftoken",
    "encryptionkey",
    "fernetkey",
    "hmackey",
    "identitytoken",
    "licensekey",
    "masterkey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "registrytoken",
    "rootpw",
    "secret",
    "secretkey",
    "sessionid",
    "sharedkey",
    "signature",
    "signingkey",
    "token",
    "webhookurl",
];

/// Words that may follow without changing what the value is.
const TAILS: [&str; 9] = ["b64", "base64", "data", "dev", "hash", "old", "prod", "test", "value"];

/// Words that count only where they are a word of their own: `bypass` and `spin` end so as well.
const WORDS: [&str; 10] =
    ["dsn", "jwt", "pass", "phpsessid", "pin", "pw", "salt", "sas", "sid", "sig"];

/// Keys that open nothing.
const OPEN_KEYS: [&str; 8] =
    ["cache", "foreign", "index", "partition", "primary", "public", "routing", "sort"];

/// Whether what has this name is a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let ends = |plain: &str| ENDINGS.iter().any(|ending| plain.ends_with(ending));
    let words = words(name);
    ends(&plain)
        || TAILS.iter().any(|tail| plain.strip_suffix(tail).is_some_and(ends))
        || match words.as_slice() {
            [.., what, key] if key == "key" => !OPEN_KEYS.contains(&what.as_str()),
            [.., last] => WORDS.contains(&last.as_str()),
            [] => false,
        }
}

/// The words of a name in lower case: `dbPass` and `DB_PASS` have two.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        let begins = !before.is_ascii_alphanumeric()
            || before.is_ascii_lowercase() && c.is_ascii_uppercase();
        match words.last_mut() {
            _ if !c.is_ascii_alphanumeric() => {}
            Some(word) if !begins => word.push(c.to_ascii_lowercase()),
            _ => words.push(c.to_ascii_lowercase().to_string()),
        }
        before = c;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_by_their_end() {
        for name in [
            "password",
            "DB_PASSWORD",
            "dbPassword",
            "PGPASSWORD",
            "AWS_SECRET_ACCESS_KEY",
            "aws_session_token",
            "api-key",
            "X-Api-Key",
            "client_secret",
            "SECRET_KEY",
            "FERNET_KEY",
            "AIRFLOW__CORE__FERNET_KEY",
            "MYSQL_PASS",
            "dbPass",
            "AccountKey",
            "sig",
            "token",
            "HF_TOKEN",
            "password1",
            "PASSWORD_HASH",
            "client-key-data",
            "WANDB_API_KEY",
            "Set-Cookie",
            "SENTRY_DSN",
            "JSESSIONID",
            "PHPSESSID",
            "_json_key",
            "docker-password",
            "SQLALCHEMY_PASSWD",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "",
            "user",
            "username",
            "secretName",
            "secretKeyRef",
            "imagePullSecrets",
            "tokenizer",
            "max_tokens",
            "PASSWORD_FILE",
            "token_url",
            "TOKEN_PATH",
            "author",
            "bypass",
            "compass",
            "monkey",
            "public_key",
            "serviceAccountName",
            "host",
            "keys",
            "spin",
            "keyspace",
            "secret-name",
            "partition_key",
            "status",
            "path",
            "image",
            "model",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
