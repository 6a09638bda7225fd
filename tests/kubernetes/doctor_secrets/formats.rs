//! The formats: text as it is found in logs and settings, the secret of it between `«` and `»`. `{a40}`
//! stands for forty letters and digits of chance, `{x..}` for hexadecimal ones, `{d..}` for digits,
//! `{A..}` for capitals and digits, `{b..}` for base64, `{u..}` for its form in addresses, `{w..}` for
//! what a person types.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A secret in its text.
pub(super) struct Planted {
    /// What it is.
    pub(super) name: &'static str,
    /// The text with the secret.
    pub(super) text: String,
    /// The secret, or its parts.
    pub(super) secrets: Vec<String>,
}

pub(super) fn all() -> Vec<Planted> {
    FORMATS.iter().enumerate().map(|(at, (name, format))| planted(at, name, format)).collect()
}

fn planted(at: usize, name: &'static str, format: &str) -> Planted {
    let mut chance = Chance(at as u64 + 1);
    let filled = filled(format, &mut chance);
    let secrets = filled.split('«').skip(1).filter_map(|rest| rest.split('»').next());
    // A line of a key is as good as the key; its headings are no secret.
    let is_secret = |line: &&str| !line.is_empty() && !line.contains("---") && !line.contains(": ");
    let lines = secrets.flat_map(str::lines).filter(is_secret);
    let secrets: Vec<String> = lines.map(str::to_owned).collect();
    assert!(!secrets.is_empty(), "{name}");
    let text = filled.replace(['«', '»'], "");
    let is_encoded = name.ends_with("as base64");
    let (text, secrets) = if is_encoded {
        (format!("data: {}", STANDARD.encode(&text)), vec![STANDARD.encode(&text)])
    } else {
        (text, secrets)
    };
    Planted { name, text, secrets }
}

/// The same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn word(&mut self, kind: char, length: usize) -> String {
        let letters = "abcdefghijklmnopqrstuvwxyz";
        let capitals = letters.to_uppercase();
        let digits = "0123456789";
        let alphabet = match kind {
            'a' => format!("{letters}{capitals}{digits}"),
            'x' => "0123456789abcdef".to_owned(),
            'd' => digits.to_owned(),
            'A' => format!("{capitals}{digits}"),
            'b' => format!("{letters}{capitals}{digits}+/"),
            'u' => format!("{letters}{capitals}{digits}_-"),
            'w' => format!("{letters}{digits}"),
            kind => panic!("{kind}"),
        };
        let alphabet: Vec<char> = alphabet.chars().collect();
        let mut word: String = (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect();
        if kind == 'w' {
            word.replace_range(length - 2.., "7!");
        }
        // Nothing of chance lacks a kind of its alphabet for long.
        if "abu".contains(kind) && length >= 4 {
            word.replace_range(1..4, "Q7z");
        }
        word
    }
}

fn filled(format: &str, chance: &mut Chance) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        let holder = after.split_once('}').and_then(|(inner, rest)| {
            let kind = inner.chars().next().filter(|kind| "axdAbuw".contains(*kind))?;
            Some((kind, inner[1..].parse().ok()?, rest))
        });
        if let Some((kind, length, after)) = holder {
            text += &chance.word(kind, length);
            rest = after;
        } else {
            text.push('{');
            rest = after;
        }
    }
    text + rest
}

#[rustfmt::skip]
const FORMATS: &[(&str, &str)] = &[
    ("AWS access key id", "using key «AKIA{A16}» of profile default"),
    ("AWS temporary key id", "key «ASIA{A16}» is not active"),
    ("AWS secret key in a file", "aws_secret_access_key = «{b40}»"),
    ("AWS secret key, export", "export AWS_SECRET_ACCESS_KEY=«{b40}»"),
    ("AWS secret key alone", "credentials tuple ('x', '«{a40}»')"),
    ("AWS session token", "AWS_SESSION_TOKEN=«IQoJb3JpZ2luX2Vj{b120}=»"),
    ("AWS signature", "Authorization: AWS4-HMAC-SHA256 Credential=«AKIA{A16}»/20261121/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=«{x64}»"),
    ("S3 presigned address", "GET https://b.s3.amazonaws.com/m.pkl?X-Amz-Credential=«AKIA{A16}»%2F20261121&X-Amz-Signature=«{x64}»"),
    ("ECR password", "docker login -u AWS -p «eyJwYXlsb2FkIjoi{b200}» 111122223333.dkr.ecr.us-east-1.amazonaws.com"),
    ("JWT", "token is «eyJhbGciOiJSUzI1NiIs{u20}.eyJpc3MiOiJrdWJl{u60}.{u43}»"),
    ("bearer header", "curl -H 'Authorization: Bearer «{a40}»' https://api"),
    ("bearer in a dictionary", "headers={'Authorization': 'Bearer «{u36}»', 'Accept': '*/*'}"),
    ("basic header", "Authorization: Basic «{b32}=»"),
    ("basic header of a proxy", "Proxy-Authorization: Basic «{b24}==»"),
    ("token header", "authorization: token «{x40}»"),
    ("API key header", "X-Api-Key: «{a32}»"),
    ("Vault header", "X-Vault-Token: «{a24}»"),
    ("GitLab header", "PRIVATE-TOKEN: «{u20}»"),
    ("GitHub token", "remote: https://«ghp_{a36}»@github.com/o/r.git"),
    ("GitHub server token", "GITHUB_TOKEN is «ghs_{a36}»"),
    ("GitHub fine-grained token", "using «github_pat_{a22}_{a59}»"),
    ("GitLab token", "cloning with «glpat-{u20}»"),
    ("GitLab deploy token", "oauth2:«gldt-{u20}»"),
    ("Slack bot token", "slack: «xoxb-{d12}-{d12}-{a24}»"),
    ("Slack app token", "slack: «xapp-1-{A11}-{d13}-{x64}»"),
    ("Slack webhook", "POST https://hooks.slack.com/services/«T{A8}/B{A8}/{a24}»"),
    ("Discord webhook", "POST https://discord.com/api/webhooks/«{d18}/{u68}»"),
    ("Teams webhook", "POST https://acme.webhook.office.com/webhookb2/«{x32}@{x32}/IncomingWebhook/{x32}»"),
    ("Google API key", "key «AIza{u35}» is not valid"),
    ("Google OAuth token", "access «ya29.{u60}» has expired"),
    ("Google client secret", "client «GOCSPX-{u28}» refused"),
    ("Google refresh token", "refresh «1//0{u50}» revoked"),
    ("Google service account", "{\"type\": \"service_account\", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\n«MIIEvQIBADANBg{b60}\\n{b64}»\\n-----END PRIVATE KEY-----\\n\"}"),
    ("Azure storage connection string", "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=«{b86}==»;EndpointSuffix=core.windows.net"),
    ("Azure service bus", "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=«{b43}=»"),
    ("Azure SAS", "GET https://shop.blob.core.windows.net/m?sv=2024-01-01&se=2027&sr=c&sig=«{a43}%3D»"),
    ("Azure client secret", "AADSTS7000215: invalid «{a3}8Q~{u34}»"),
    ("Azure client secret by name", "AZURE_CLIENT_SECRET=«{w20}»"),
    ("ACR password", "az acr login --name shop --username shop --password «{b48}»"),
    ("OpenAI key", "Incorrect API key provided: «sk-{a48}»"),
    ("OpenAI project key", "OPENAI uses «sk-proj-{u60}»"),
    ("Anthropic key", "x-api-key «sk-ant-api03-{u80}»"),
    ("Hugging Face token", "login with «hf_{a34}»"),
    ("Replicate token", "replicate «r8_{a37}»"),
    ("Weights and Biases key", "WANDB_API_KEY=«{x40}»"),
    ("npm token", "//registry.example/:_authToken=«npm_{a36}»"),
    ("PyPI token", "twine upload -p «pypi-AgEIcHlwaS5vcmc{u60}»"),
    ("RubyGems key", "gem push with «rubygems_{x48}»"),
    ("Docker Hub token", "login with «dckr_pat_{u27}»"),
    ("Stripe key", "stripe «sk_live_{a24}»"),
    ("Stripe webhook", "stripe «whsec_{a32}»"),
    ("Twilio key", "twilio «SK{x32}»"),
    ("Twilio auth token", "TWILIO_AUTH_TOKEN=«{x32}»"),
    ("SendGrid key", "mail by «SG.{u22}.{u43}»"),
    ("Mailgun key", "mail by «key-{x32}»"),
    ("Mailchimp key", "mail by «{x32}-us14»"),
    ("DigitalOcean token", "doctl «dop_v1_{x64}»"),
    ("Databricks token", "DATABRICKS «dapi{x32}»"),
    ("Vault token", "vault «hvs.{u90}»"),
    ("Terraform token", "tfe «{a14}.atlasv1.{u67}»"),
    ("Grafana token", "grafana «glsa_{a32}_{x8}»"),
    ("New Relic key", "newrelic «NRAK-{A27}»"),
    ("Telegram token", "bot «{d9}:AA{u33}»"),
    ("Shopify token", "shop «shpat_{x32}»"),
    ("Atlassian token", "jira «ATATT3xFfGF0{u60}»"),
    ("K3s token", "agent --token «K10{x64}::server:{x32}»"),
    ("PEM key", "key:\n«-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA{b48}\n{b64}»\n-----END RSA PRIVATE KEY-----"),
    ("PEM key, encrypted", "«-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{A32}\n\n{b64}»\n-----END EC PRIVATE KEY-----"),
    ("OpenSSH key", "«-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA{b50}\n{b70}»\n-----END OPENSSH PRIVATE KEY-----"),
    ("PEM key, cut off", "«-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg{b50}»"),
    ("age key", "«AGE-SECRET-KEY-1{A58}»"),
    ("Postgres address", "could not connect to postgresql://mlflow:«{w12}»@db:5432/mlflow"),
    ("Postgres address with odd letters", "postgres://u:«p@{a4}/{a8}#»@db:5432/x?sslmode=disable"),
    ("SQLAlchemy address", "create_engine('mysql+pymysql://root:«{w14}»@mysql/airflow')"),
    ("Redis address", "redis://:«{w16}»@redis:6379/0"),
    ("MongoDB address", "mongodb+srv://app:«{w12}»@cluster0.example.net/?retryWrites=true"),
    ("AMQP address", "amqp://guest:«{w10}»@rabbit:5672/%2f"),
    ("Snowflake address", "snowflake://svc:«{w18}»@acme-x1/db/schema?warehouse=wh"),
    ("registry address", "https://robot:«{a32}»@registry.example.com/v2/"),
    ("JDBC address", "jdbc:postgresql://db:5432/shop?user=app&password=«{w12}»&ssl=true"),
    ("Oracle address", "jdbc:oracle:thin:scott/«{w10}»@db:1521:orcl"),
    ("Go address of MySQL", "root:«{w12}»@tcp(mysql:3306)/shop"),
    ("ODBC string", "Driver={ODBC Driver 18};Server=db;Uid=sa;Pwd=«{w12}»;Encrypt=yes"),
    ("libpq string", "host=db port=5432 user=app password=«{w12}» dbname=shop"),
    ("libpq string, quoted", "host=db password='«{w8} {w8}»' dbname=shop"),
    ("password file of Postgres", "db:5432:shop:app:«{w12}»"),
    ("netrc", "machine pypi.example.com login ci password «{a20}»"),
    ("YAML", "password: «{w12}»"),
    ("YAML, quoted", "db_password: '«{w6} {w6}»'"),
    ("JSON", "{\"user\": \"app\", \"password\": \"«{w12}»\"}"),
    ("JSON within JSON", "body={\\\"password\\\":\\\"«{w12}»\\\",\\\"user\\\":\\\"app\\\"}"),
    ("variables of a traceback", "environ({'HOME': '/root', 'DB_PASSWORD': '«{w12}»', 'PATH': '/bin'})"),
    ("arguments of a traceback", "TypeError: connect(host='db', passwd='«{w12}»') got an unexpected keyword"),
    ("pydantic settings", "Settings(db_host='db', secret_key=SecretStr('**********'), api_token='«{a24}»')"),
    ("command line", "mlflow server --backend-password «{w12}» --port 5000"),
    ("command line with an equals sign", "app --api-key=«{a32}» --verbose"),
    ("mysql command line", "sh -c 'mysqladmin ping -uroot -p«{w12}»'"),
    ("redis command line", "redis-cli -h redis -a «{w14}» ping"),
    ("sshpass", "sshpass -p «{w12}» ssh root@host"),
    ("curl user", "curl -u admin:«{w12}» http://grafana:3000"),
    ("SQL statement", "CREATE USER app IDENTIFIED BY '«{w12}»'"),
    ("SQL statement of Postgres", "ALTER ROLE app WITH PASSWORD '«{w12}»'"),
    ("XML", "<password>«{w12}»</password>"),
    ("htpasswd", "admin:«$apr1${a8}${a22}»"),
    ("bcrypt", "hash «$2b$12${a53}»"),
    ("hash of Django", "«pbkdf2_sha256$260000${a12}${b43}=»"),
    ("hash of Werkzeug", "«scrypt:32768:8:1${a16}${x128}»"),
    ("SCRAM", "«SCRAM-SHA-256$4096:{b22}==${b43}=:{b43}=»"),
    ("Fernet key", "fernet key «{u43}=» is not valid"),
    ("Fernet key by name", "AIRFLOW__CORE__FERNET_KEY=«{u43}=»"),
    ("Fernet token", "decrypt «gAAAAAB{u90}==»"),
    ("cookie", "Set-Cookie: session=«{u40}»; HttpOnly"),
    ("cookie of a request", "Cookie: sessionid=«{w32}»; csrftoken=«{a32}»"),
    ("session in an address", "GET /a;jsessionid=«{A32}»"),
    ("OTP", "otpauth://totp/shop:me?secret=«{A32}»&issuer=shop"),
    ("pull secret as base64", "{\"auths\":{\"ghcr.io\":{\"auth\":\"«{b40}»\"}}}"),
    ("docker configuration", "{\"auths\":{\"ghcr.io\":{\"auth\":\"«{b40}»\"}}}"),
    ("kubeconfig", "    client-key-data: «LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ{b80}»"),
    ("token of a kubeconfig", "    token: «{w6}.{w16}»"),
    ("variable of a manifest", "env:\n- name: DB_PASSWORD\n  value: «{w12}»\n- name: A\n  value: b"),
    ("variable as JSON", "[{\"name\":\"API_TOKEN\",\"value\":\"«{w14}»\"},{\"name\":\"A\",\"value\":\"b\"}]"),
    ("Sentry address", "SENTRY_DSN=https://«{x32}»@o1.ingest.sentry.io/1"),
    ("licence key", "LICENSE_KEY=«{A5}-{A5}-{A5}-{A5}»"),
    ("private key of WireGuard", "PrivateKey = «{b43}=»"),
    ("Helm value", "helm upgrade shop . --set postgresql.auth.password=«{w12}»"),
    ("Ansible", "ansible_become_pass=«{w12}»"),
    ("LDAP", "ldapsearch -x -D cn=admin -w «{w12}»"),
];
