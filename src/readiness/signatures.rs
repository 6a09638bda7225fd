//! What lines of logs mean: words that programs print when they end, as data. How a log is searched
//! for them is [`super::crash_log`].

use super::cause::Whose;

/// Words of a log and what they mean.
#[derive(Debug)]
pub(super) struct Signature {
    /// Any of these stands in one line; `*` stands for any text.
    pub(super) words: &'static [&'static str],
    /// The code that the cause has then; `None` leaves its own.
    pub(super) code: Option<&'static str>,
    /// What it means, to follow a colon.
    pub(super) why: &'static str,
    /// The rule of the catalogue; `None` where it has none.
    pub(super) rule: Option<&'static str>,
    /// Who has to change something.
    pub(super) whose: Whose,
    /// What helps, where it is not to read the log.
    pub(super) fix: Option<&'static str>,
}

const fn of(
    rule: &'static str,
    whose: Whose,
    words: &'static [&'static str],
    why: &'static str,
    fix: &'static str,
) -> Signature {
    let rule = if rule.is_empty() { None } else { Some(rule) };
    let fix = if fix.is_empty() { None } else { Some(fix) };
    Signature { words, code: None, why, rule, whose, fix }
}

impl Signature {
    const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Whether a line holds any of the words.
    pub(super) fn is_in(&self, line: &str) -> bool {
        self.words.iter().any(|words| holds(line, words))
    }
}

/// Whether the parts between the `*` of a pattern stand in a line, in their order.
fn holds(line: &str, pattern: &str) -> bool {
    let mut rest = line;
    pattern.split('*').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

use Whose::{Application, Environment};

/// The advice to look at the cluster's name service, for which there is a command.
pub(super) const DNS: &str = "see whether the cluster's name service runs";

/// The code of a crash for want of something that is not there.
pub(super) const UNREACHABLE: &str = "DEPENDENCY_UNREACHABLE";

/// In the order in which they decide, the most telling first.
pub(super) static SIGNATURES: [Signature; 38] = [
    of(
        "CRASH-05",
        Application,
        &["exec format error", "exec user process caused"],
        "its program is not for the node's platform",
        "build the image for the node's platform",
    )
    .code("EXEC_FORMAT"),
    of(
        "CRASH-06",
        Application,
        &["cannot import name 'ColumnMapping' from 'evidently'"],
        "evidently 0.7 no longer has ColumnMapping",
        "pin `evidently<0.7` and build the image anew",
    ),
    of(
        "CRASH-09",
        Application,
        &[
            "KeyError: 60",
            "InconsistentVersionWarning",
            "from the pickle has an incompatible dtype",
            "unsupported pickle protocol",
            "No module named 'sklearn.*._",
        ],
        "its model was written by another version of scikit-learn or Python",
        "build the image with the version of scikit-learn that wrote the model, or export the model again",
    ),
    of(
        "CRASH-08",
        Application,
        &["Duplicated timeseries in CollectorRegistry"],
        "its module is imported twice, and registers its metrics twice",
        "start it once: `uvicorn main:app`, or `uvicorn.run(app)` in place of `uvicorn.run(\"main:app\")`",
    ),
    of(
        "SKEW-01",
        Application,
        &["logged-models*404", "logged-models failed with"],
        "its MLflow client is of a newer major version than the server, which does not have this endpoint",
        "pin `mlflow` in the image to the major version of the server, and build it anew under a new tag",
    ),
    of(
        "SKEW-01",
        Application,
        &["Can't locate revision identified by", "out-of-date database schema"],
        "its database has the schema of another version of the program",
        "run the version that the database belongs to, or back the database up and migrate it (`mlflow db upgrade`)",
    ),
    of(
        "CRASH-10",
        Application,
        &["NameError: name '"],
        "its code names something that it does not import",
        "correct the line that the traceback ends with, and build the image anew",
    ),
    of(
        "",
        Environment,
        &["No space left on device", "no space left on device", "database or disk is full"],
        "its disk is full",
        "free space on the volume or on the node: docker system df, then docker builder prune",
    ),
    of(
        "CFG-07",
        Environment,
        &[
            "Read-only file system",
            "read-only file system",
            "PermissionError: [Errno 13]",
            "EACCES: permission denied",
            "cannot create directory*Permission denied",
            "can't create*Permission denied",
            "Permission denied: '/",
            "AccessDeniedException: /",
            ": Permission denied",
        ],
        "it may not write where it wants to",
        "set `securityContext.fsGroup` of the pod, or mount a volume that it may write to",
    ),
    of(
        "CRASH-01",
        Application,
        &[
            "was sent SIGKILL! Perhaps out of memory?",
            "java.lang.OutOfMemoryError",
            "JavaScript heap out of memory",
            "MemoryError",
            "std::bad_alloc",
            "fatal error: runtime: out of memory",
            "Cannot allocate memory",
        ],
        "it needs more memory than it may use",
        "raise `resources.limits.memory` of the container",
    ),
    of(
        "CRASH-14",
        Application,
        &[
            "KeyError: \"[",
            "KeyError: ['",
            "not in index",
            "not found in axis",
            "FileNotFoundError: ",
            "columns are missing",
            "feature names should match",
            "features, but * is expecting",
            "FileNotFoundException: ",
            " Client Error: ",
        ],
        "its code does not find the data that it expects",
        "correct the data or the line that the traceback ends with",
    ),
    of(
        "NODE-08",
        Environment,
        &["plugin/loop: Loop ("],
        "name service asks itself: the node's resolv.conf leads back to it",
        "give the kubelet `resolvConf=/run/systemd/resolve/resolv.conf`",
    ),
    of(
        "CRASH-06",
        Application,
        &[
            "ImportError: cannot import name",
            "AttributeError: module '",
            "AttributeError: type object '",
            "java.lang.NoSuchMethodError",
            "does not provide an export named",
        ],
        "a library is of another version than its code expects",
        "pin the library's version in the image's requirements and build it anew",
    ),
    of(
        "CRASH-07",
        Application,
        &[
            "ModuleNotFoundError: ",
            "No module named ",
            "ImportError: ",
            "Cannot find module '",
            "Cannot find package '",
            "ClassNotFoundException",
            "NoClassDefFoundError",
            "error while loading shared libraries",
            "cannot open shared object file",
        ],
        "a module that its code imports is not in the image",
        "put the module, pinned, into the image's requirements and build it anew",
    ),
    of(
        "CRASH-12",
        Environment,
        &["Signature expired", "RequestTimeTooSkewed", "Signature not yet current"],
        "the clock of its node is wrong, so its cloud refuses what it signs",
        "set the clock of the node: sudo timedatectl set-ntp true",
    ),
    of(
        "CRASH-12",
        Environment,
        &[
            "Unable to locate credentials",
            "NoCredentialsError",
            "CredentialsProviderError",
            "NoCredentialProviders",
            "Could not load credentials from any providers",
            "DefaultCredentialsError",
            "Could not automatically determine credentials",
            "could not find default credentials",
            "DefaultAzureCredential failed to retrieve a token",
            "Please run 'az login'",
        ],
        "it has no cloud credentials",
        "give the container credentials by a `[[secret]]` of mlup.toml; on EC2 raise the hop limit of the instance metadata to 2",
    ),
    of(
        "CRASH-12",
        Environment,
        &[
            "ExpiredToken",
            "security token included in the request is expired",
            "Error loading SSO Token",
            "has expired or is otherwise invalid",
            "AADSTS700082",
            "AADSTS7000222",
            "invalid_grant",
        ],
        "its cloud credentials have expired",
        "log in again, then mlup start renews the `[[secret]]` that holds them",
    ),
    of(
        "CRASH-12",
        Environment,
        &[
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "security token included in the request is invalid",
            "InvalidAccessKeyId",
            "Access Key Id you provided does not exist",
            "SignatureDoesNotMatch",
            "AADSTS7000215",
        ],
        "its cloud credentials are not valid",
        "correct the credentials in the `[[secret]]` that the container reads",
    ),
    of(
        "CRASH-12",
        Environment,
        &[
            "AccessDenied",
            "not authorized to perform: ",
            "AuthorizationFailure",
            "403 Forbidden*s3",
        ],
        "its cloud credentials lack a right",
        "give the account that the container uses the right which the line names",
    ),
    of(
        "CRASH-12",
        Environment,
        &["You must specify a region", "NoRegionError", "Region is missing", "Missing Region"],
        "it does not know its cloud's region",
        "set AWS_REGION in the container's environment",
    ),
    of(
        "CRASH-13",
        Environment,
        &[
            "password authentication failed",
            "no password supplied",
            "Access denied for user",
            "FATAL: * role \"",
            "role \"*\" does not exist",
            "Authentication failed.",
            "WRONGPASS",
            "NOAUTH Authentication required",
            "Login failed for user",
            "SASL authentication failed",
        ],
        "a database does not accept its user or password; the database keeps those of its first start",
        "set the password in the database (ALTER ROLE ... PASSWORD) to the one of the secret, or correct the secret",
    ),
    of(
        "CRASH-13",
        Environment,
        &["database \"*\" does not exist", "Unknown database '", "no such database"],
        "the database that it names does not exist; one is made at the first start of its volume alone",
        "create the database, or correct its name in the container's environment",
    ),
    of(
        "CRASH-13",
        Environment,
        &[
            "Database is uninitialized and superuser password is not specified",
            "database files are incompatible with server",
            "initialized by PostgreSQL version",
        ],
        "its data or settings are not those that this database starts with",
        "set its password variable, or run the version that wrote the data",
    ),
    of(
        "",
        Environment,
        &["Fernet key must be", "Could not create Fernet object"],
        "its Fernet key is no Fernet key",
        "give it the key that its data was encrypted with: 32 bytes in URL-safe base64",
    ),
    of(
        "",
        Environment,
        &["x509: ", "CERTIFICATE_VERIFY_FAILED", "unable to get local issuer certificate"],
        "it does not trust a certificate",
        "give the container the certificate authority that the line tells of",
    ),
    of(
        "DNS-01",
        Environment,
        &[":53: i/o timeout", ":53: server misbehaving", ":53: read: connection refused"],
        "the cluster's name service does not answer it",
        DNS,
    )
    .code(UNREACHABLE),
    of(
        "CRASH-11",
        Environment,
        &[
            "could not translate host name",
            "Name or service not known",
            "Name does not resolve",
            "no such host",
            "Temporary failure in name resolution",
            "Failed to resolve '",
            "Name resolution error",
            "getaddrinfo",
            "UnknownHostException",
            "bad address '",
            "Unknown MySQL server host",
            "Could not resolve host",
            "No address associated with hostname",
            "host not found in upstream",
        ],
        "it does not find the host of something that it needs",
        "check the host's name against the services of its namespace",
    )
    .code(UNREACHABLE),
    of(
        "CRASH-11",
        Environment,
        &[
            "onnection refused",
            "ConnectionRefusedError",
            "ECONNREFUSED",
            "NoBrokersAvailable",
            "KafkaConnectionError",
            "ServerSelectionTimeoutError",
            "Could not connect to the endpoint URL",
            "EndpointConnectionError",
            "Max retries exceeded with url",
            "Connect call failed",
            "connection timed out",
            "Connection timed out",
            "ConnectTimeout",
            "ETIMEDOUT",
            "EHOSTUNREACH",
            "No route to host",
            "no route to host",
            "dial tcp*i/o timeout",
            "Is the server running",
            "Can't connect to MySQL server",
            "Communications link failure",
            "connection to server at",
            "Connection reset by peer",
        ],
        "something that it needs does not answer",
        "",
    )
    .code(UNREACHABLE),
    of(
        "CRASH-14",
        Application,
        &["KeyError: '", "KeyError: \"", "IndexError: ", "KeyError: "],
        "its code does not find the data that it expects",
        "correct the data or the line that the traceback ends with",
    ),
    of(
        "",
        Application,
        &["SyntaxError: ", "IndentationError: ", "TabError: "],
        "its code cannot be read",
        "correct the line that the log names, and build the image anew",
    ),
    of(
        "",
        Application,
        &["ddress already in use", "EADDRINUSE"],
        "its port is taken: the containers of a pod share one address",
        "give each container of the pod a port of its own",
    ),
    of(
        "",
        Application,
        &["CUDA out of memory", "CUDA error", "no CUDA-capable device", "libcuda.so"],
        "it does not get the GPU that it needs",
        "request a GPU, or let the program run on the CPU",
    ),
    of(
        "CFG-04",
        Environment,
        &[
            "unrecognized arguments",
            "arguments are required",
            "expected one argument",
            "expected at least one argument",
            "unrecognized option",
            "requires an argument",
            "invalid choice: ",
            "flag provided but not defined",
            "flag needs an argument",
            "unknown flag",
            "unknown shorthand flag",
            "unknown command",
            "unknown long flag",
            "No such option",
            "no such option",
            "Missing option",
            "Missing argument",
            "Error loading ASGI app",
            "unexpected argument",
        ],
        "its arguments are not what the program takes",
        "correct `command` and `args` of the container; a value that a chart leaves empty gives an empty argument",
    ),
    of(
        "CFG-04",
        Environment,
        &["applet not found", ": command not found", ": not found", "can't open file '"],
        "a command that it runs is not in the image",
        "correct `command` and `args` of the container, or put the program into the image",
    ),
    of(
        "",
        Environment,
        &[
            "environment variable*not set",
            "environment variable*is required",
            "Missing required environment",
        ],
        "a variable of its environment is not set",
        "set the variable in `env` of the container",
    ),
    of(
        "",
        Application,
        &[
            "ConfigurationError",
            "Invalid configuration",
            "error parsing config",
            "error loading config",
            "ValidationError",
        ],
        "its configuration is not what the program takes",
        "correct the value that the line names",
    ),
    of(
        "",
        Application,
        &["panic: ", "SIGSEGV", "Segmentation fault", "core dumped"],
        "its program broke off",
        "look at the frames in its log; a library built for another machine does this as well",
    ),
    of(
        "",
        Application,
        &["UnicodeDecodeError", "JSONDecodeError", "UnpicklingError"],
        "it cannot read its data",
        "write the data or the model anew, or correct its path",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_pattern_stand_in_their_order() {
        assert!(holds("role \"a\" does not exist", "role \"*\" does not exist"));
        assert!(!holds("does not exist: role \"a\"", "role \"*\" does not exist"));
        assert!(holds("FATAL:  database \"m\" does not exist", "database \"*\" does not exist"));
    }

    #[test]
    fn no_signature_hides_behind_an_earlier_one() {
        for (at, signature) in SIGNATURES.iter().enumerate() {
            for words in signature.words {
                let line = words.replace('*', " ");
                let first = SIGNATURES.iter().position(|one| one.is_in(&line)).unwrap();
                assert_eq!(first, at, "{words}");
            }
        }
    }
}
