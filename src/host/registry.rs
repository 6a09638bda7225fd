//! Asks a registry about an image, as a kubelet would, and only for what is sure: the image is there
//! and for which platforms, it is not, or the login is refused. What is said on the wire is
//! `protocol`.

pub mod protocol;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use hyper::header::{HeaderMap, LOCATION, WWW_AUTHENTICATE};
use tokio::time::Instant;

use super::http::{self, Answer, Request, Trust};
use crate::manifest::images::ImageName;
use crate::manifest::platform::Platform;
use crate::redact::Secret;
use protocol::{self as api, Address, Challenge, Manifest};

/// What a registry says about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is there, for these platforms; none where they are not known.
    Found(Vec<Platform>),
    /// There is no such image or tag; the registry's words.
    Missing(String),
    /// It may not be read with this login, or without one; the registry's words.
    Denied(String),
    /// Nothing that is sure: no network, no time, a registry that is busy.
    Unclear,
}

/// User and password of a registry.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The image.
    pub image: ImageName,
    /// The login, if there is one for its registry.
    pub login: Option<Login>,
    /// How much is asked.
    pub depth: Depth,
    /// Time for everything.
    pub limit: Duration,
}

/// How much is asked of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Whether the image is there: counts as no pull anywhere.
    Presence,
    /// For which platforms, too.
    Platforms,
}

/// Asks.
pub async fn ask(question: &Question) -> Verdict {
    Talk::of(question).verdict(question.depth).await.unwrap_or(Verdict::Unclear)
}

/// The tags that the image's repository has, at most those of one answer of the registry; none where
/// it does not tell.
pub async fn tags(question: &Question) -> Vec<String> {
    Talk::of(question).tags().await.unwrap_or_default()
}

/// One conversation with a registry.
struct Talk<'q> {
    address: Address,
    login: Option<&'q Login>,
    ends: Instant,
}

type Headers = BTreeMap<String, Secret>;

impl<'q> Talk<'q> {
    fn of(question: &'q Question) -> Self {
        Self {
            address: Address::of(&question.image),
            login: question.login.as_ref(),
            ends: Instant::now() + question.limit,
        }
    }

    /// None where there is no answer.
    async fn verdict(&self, depth: Depth) -> Option<Verdict> {
        let url = self.address.manifest();
        let headers = Headers::from([("accept".to_owned(), Secret::new(api::ACCEPT))]);
        let (answer, headers) = match self.admitted(Method::HEAD, &url, headers).await? {
            Ok(admitted) => admitted,
            Err(words) => return Some(Verdict::Denied(words)),
        };
        match answer.status {
            200 if depth == Depth::Presence => Some(Verdict::Found(Vec::new())),
            200 => Some(Verdict::Found(self.platforms(&url, &headers).await.unwrap_or_default())),
            // An answer to HEAD has no body: the words are asked for.
            404 => Some(Verdict::Missing(self.words(&url, &headers, answer.status).await)),
            401 | 403 => Some(Verdict::Denied(self.words(&url, &headers, answer.status).await)),
            _ => None,
        }
    }

    /// The tags of the repository, those of one answer.
    async fn tags(&self) -> Option<Vec<String>> {
        let url = self.address.tags();
        let (answer, _) = self.admitted(Method::GET, &url, Headers::new()).await?.ok()?;
        (answer.status == 200).then(|| api::tags(&answer.body))
    }

    /// The answer to a question that is asked again with a login where the registry wants one, and
    /// the headers that it took; or the words of who refuses the login.
    async fn admitted(
        &self,
        method: Method,
        url: &str,
        mut headers: Headers,
    ) -> Option<Result<(Answer, Headers), String>> {
        let (told, answer) = self.send(method.clone(), url, &headers).await?;
        if answer.status != 401 {
            return Some(Ok((answer, headers)));
        }
        match self.authorization(&told).await? {
            Ok(authorization) => headers.insert("authorization".to_owned(), authorization),
            Err(words) => return Some(Err(words)),
        };
        let (_, answer) = self.send(method, url, &headers).await?;
        Some(Ok((answer, headers)))
    }

    /// The header that the registry asks for, or why there is none.
    async fn authorization(&self, told: &HeaderMap) -> Option<Result<Secret, String>> {
        let mut challenges =
            told.get_all(WWW_AUTHENTICATE).iter().filter_map(|one| one.to_str().ok());
        let challenge = challenges.find_map(|one| api::challenge(one, &self.address))?;
        let url = match (challenge, self.login) {
            (Challenge::Basic, Some(login)) => return Some(Ok(basic(login))),
            (Challenge::Basic, None) => return Some(Err("it wants a login".to_owned())),
            (Challenge::Bearer { url }, _) => url,
        };
        let mut headers = Headers::new();
        if let Some(login) = self.login {
            if !self.address.is_safe(&url) {
                return None;
            }
            headers.insert("authorization".to_owned(), basic(login));
        }
        let (_, answer) = self.send(Method::GET, &url, &headers).await?;
        match answer.status {
            200 => {
                let token = api::token(&answer.body)?;
                Some(Ok(Secret::new(format!("Bearer {token}"))))
            }
            401 | 403 => Some(Err(api::words(answer.status, &answer.body))),
            _ => None,
        }
    }

    async fn platforms(&self, url: &str, headers: &Headers) -> Option<Vec<Platform>> {
        let (_, answer) = self.send(Method::GET, url, headers).await?;
        match api::manifest(&answer.body) {
            Manifest::List(platforms) => Some(platforms),
            Manifest::Unknown => None,
            Manifest::Single(digest) => {
                let url = self.address.blob(&digest);
                let (told, mut answer) = self.send(Method::GET, &url, headers).await?;
                if (300..400).contains(&answer.status) {
                    // A store elsewhere has its own key in the URL, and must not see this one.
                    let elsewhere = told.get(LOCATION)?.to_str().ok()?.to_owned();
                    (_, answer) = self.send(Method::GET, &elsewhere, &Headers::new()).await?;
                }
                Some(vec![api::configured_platform(&answer.body)?])
            }
        }
    }

    async fn words(&self, url: &str, headers: &Headers, status: u16) -> String {
        let body = self.send(Method::GET, url, headers).await.map(|(_, answer)| answer.body);
        api::words(status, &body.unwrap_or_default())
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &Headers,
    ) -> Option<(HeaderMap, Answer)> {
        let timeout = self.ends.saturating_duration_since(Instant::now());
        let request = Request {
            url: url.to_owned(),
            headers: headers.clone(),
            post: None,
            trust: Trust::Known,
            connect_to: None,
            timeout,
        };
        http::exchange(&request, method).await.ok()
    }
}

fn basic(login: &Login) -> Secret {
    let pair = format!("{}:{}", login.username, login.password.expose());
    Secret::new(format!("Basic {}", STANDARD.encode(pair)))
}
