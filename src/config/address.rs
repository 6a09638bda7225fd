//! Where checks go to: text with placeholders for what only the cluster knows. What a placeholder
//! stands for is found live, in `steps/check`; where text is an address at all is `raw/address`.

use std::fmt;

use super::suggest;

/// An address as it is written, placeholders told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    parts: Vec<Part>,
}

/// A piece of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// What the cluster has to say.
    Live(Target),
    /// Text that stays as it is.
    Text(String),
}

/// What a placeholder stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `{lb:ns/svc}`: the address that a load balancer gave the service.
    LoadBalancer(ServiceName),
    /// `{cluster:ip}`: the address of a node.
    Node,
    /// `{nodeport:ns/svc:port}`: a node's address and the port there; the service's only port unless
    /// one is named.
    NodePort(ServiceName, Option<PortName>),
}

/// A service; the environment's namespace unless one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceName {
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortName {
    /// By its name.
    Name(String),
    /// By its number.
    Number(u16),
}

/// A port of a service as the cluster's own parts ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// The service.
    pub service: ServiceName,
    /// The port.
    pub port: u16,
    /// How it is spoken to.
    pub scheme: Scheme,
}

/// How a service is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Bare.
    Http,
    /// Over TLS.
    Https,
}

/// The kinds of placeholder.
const KINDS: [&str; 3] = ["cluster", "lb", "nodeport"];

impl Address {
    /// Text without placeholders.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Text(text.into())] }
    }

    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with a placeholder, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((inside, behind)) = after.split_once('}') else {
                return Err(format!("`{text}` has a `{{` without `}}`"));
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Live(Target::parse(inside)?));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self { parts })
    }

    /// Its pieces in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether only the cluster knows where it leads.
    pub fn is_live(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Live(_)))
    }

    /// The text with each placeholder replaced.
    pub(super) fn filled(&self, mut with: impl FnMut(&Target) -> &'static str) -> String {
        let text = |part: &Part| match part {
            Part::Live(target) => with(target).to_owned(),
            Part::Text(text) => text.clone(),
        };
        self.parts.iter().map(text).collect()
    }
}

impl Target {
    fn parse(inside: &str) -> Result<Self, String> {
        let (kind, target) = inside.split_once(':').unwrap_or((inside, ""));
        let wrong = |why: &str| Err(format!("`{{{inside}}}` is no placeholder: {why}"));
        if target.is_empty() || !KINDS.contains(&kind) {
            return Err(unknown(inside, kind));
        }
        if kind == "cluster" {
            return match target {
                "ip" => Ok(Self::Node),
                _ => wrong("of the cluster only `{cluster:ip}` is known"),
            };
        }
        let (service, port) = match target.split_once(':') {
            Some((service, port)) => (service, Some(port)),
            None => (target, None),
        };
        let Some(service) = ServiceName::parse(service) else {
            return wrong(
                "a service is written `NAMESPACE/SERVICE` or `SERVICE`, in small letters",
            );
        };
        match (kind, port) {
            ("lb", None) => Ok(Self::LoadBalancer(service)),
            ("lb", Some(port)) => wrong(&format!(
                "it gives an address without a port; write `{{lb:{service}}}:{port}`"
            )),
            (_, None) => Ok(Self::NodePort(service, None)),
            (_, Some(port)) => match PortName::parse(port) {
                Some(port) => Ok(Self::NodePort(service, Some(port))),
                None => wrong("a port of a service is its number or its name"),
            },
        }
    }
}

fn unknown(inside: &str, kind: &str) -> String {
    let advice = suggest::nearest(kind, &KINDS).map_or_else(String::new, |word| match word {
        "cluster" => "; did you mean `{cluster:ip}`?".to_owned(),
        word => format!("; did you mean `{{{word}:...}}`?"),
    });
    format!(
        "`{{{inside}}}` is no placeholder; known are `{{nodeport:NAMESPACE/SERVICE:PORT}}`, \
         `{{lb:NAMESPACE/SERVICE}}` and `{{cluster:ip}}`{advice}"
    )
}

impl ServiceName {
    /// Reads `NAMESPACE/SERVICE` or `SERVICE`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        let fits = is_label(name) && namespace.is_none_or(is_label);
        fits.then(|| Self { namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

/// Whether a text can name a service or a namespace (RFC 1123, RFC 1035 for services).
pub(super) fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl PortName {
    fn parse(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().filter(|port| *port > 0).map(Self::Number);
        }
        is_label(text).then(|| Self::Name(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Live(target) => target.fmt(f),
            Part::Text(text) => f.write_str(text),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoadBalancer(service) => write!(f, "{{lb:{service}}}"),
            Self::Node => f.write_str("{cluster:ip}"),
            Self::NodePort(service, None) => write!(f, "{{nodeport:{service}}}"),
            Self::NodePort(service, Some(port)) => write!(f, "{{nodeport:{service}:{port}}}"),
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(namespace: Option<&str>, name: &str) -> ServiceName {
        ServiceName { namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }

    #[test]
    fn placeholders_become_targets_and_text_again() {
        let by_number = Some(PortName::Number(80));
        let by_name = Some(PortName::Name("http".to_owned()));
        for (text, target) in [
            ("{nodeport:a/b:80}", Target::NodePort(service(Some("a"), "b"), by_number)),
            ("{nodeport:b:http}", Target::NodePort(service(None, "b"), by_name)),
            ("{nodeport:a/b}", Target::NodePort(service(Some("a"), "b"), None)),
            ("{lb:pred-maint}", Target::LoadBalancer(service(None, "pred-maint"))),
            ("{cluster:ip}", Target::Node),
        ] {
            let address = Address::parse(&format!("http://{text}/x")).unwrap();
            assert_eq!(address.parts()[1], Part::Live(target), "{text}");
            assert!(address.is_live());
            assert_eq!(address.to_string(), format!("http://{text}/x"));
        }
        let plain = Address::parse("http://x/?a=b").unwrap();
        assert!(!plain.is_live());
        assert_eq!(plain, Address::plain("http://x/?a=b"));
        let both = Address::parse("{lb:a}{cluster:ip}").unwrap();
        assert_eq!(both.filled(|_| "1"), "11");
    }

    #[test]
    fn what_is_wrong_with_a_placeholder_is_said() {
        for (text, part) in [
            ("{nodport:a/b:80}", "did you mean `{nodeport:...}`?"),
            ("{clutser:ip}", "did you mean `{cluster:ip}`?"),
            ("{lb}", "did you mean `{lb:...}`?"),
            ("{zzz:a}", "known are `{nodeport:NAMESPACE/SERVICE:PORT}`"),
            ("{cluster:name}", "only `{cluster:ip}`"),
            ("{lb:pred-maint:8001}", "write `{lb:pred-maint}:8001`"),
            ("{nodeport:A/b}", "in small letters"),
            ("{nodeport:a/b/c}", "in small letters"),
            ("{lb:/b}", "in small letters"),
            ("{nodeport:a/b:0}", "its number or its name"),
            ("{nodeport:a/b:70000}", "its number or its name"),
            ("{nodeport:a/b:}", "its number or its name"),
            ("{lb:a", "without `}`"),
        ] {
            let why = Address::parse(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
