//! What the cluster was seen to hold in this run: deploys that look at the same kinds one after the
//! other share one answer, until somebody writes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::Objects;
use super::discovery::Kinds;
use crate::manifest::{Scope, Served, labels};
use crate::policy::Failure;

/// How long an answer is good for: long enough for one look of all steps, and too short for people.
const FRESH: Duration = Duration::from_secs(2);

/// What was asked about a kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Question {
    /// All objects of this project, in one namespace or in all.
    Ours(Option<String>),
    /// All objects, whoever made them, in one namespace or in all.
    Every(Option<String>),
    /// One object, whoever made it.
    One(Option<String>, String),
}

/// What was answered, and when.
#[derive(Clone, Debug)]
enum Answer {
    Objects(Arc<Vec<Value>>),
    /// This user may not look there.
    Forbidden(Failure),
}

/// One question's answer; who asks while another asks waits for that answer.
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Answer)>>>;

/// Lists of objects as answered so far in this run.
#[derive(Debug, Default)]
pub struct Listings {
    answers: Mutex<HashMap<(Served, Question), Slot>>,
    /// How kinds are served.
    pub kinds: Kinds,
}

impl Listings {
    /// The objects of this kind that this project applied. Who may not look at all namespaces at
    /// once looks at each of these.
    ///
    /// # Errors
    /// `API_FORBIDDEN`, `KIND_UNKNOWN`, and what else the API says.
    pub async fn ours(
        &self,
        served: &Served,
        namespaces: &BTreeSet<String>,
        objects: &Objects,
    ) -> Result<Vec<Value>, Failure> {
        let forbidden = match self.answer(served, Question::Ours(None), objects).await? {
            Answer::Objects(found) => return Ok(found.to_vec()),
            Answer::Forbidden(failure) => failure,
        };
        if served.scope == Scope::Cluster || namespaces.is_empty() {
            return Err(forbidden);
        }
        let mut all = Vec::new();
        for namespace in namespaces {
            match self.answer(served, Question::Ours(Some(namespace.clone())), objects).await? {
                Answer::Objects(found) => all.extend(found.iter().cloned()),
                Answer::Forbidden(failure) => return Err(failure),
            }
        }
        Ok(all)
    }

    /// All objects of this kind, whoever made them, in this namespace or in all.
    ///
    /// # Errors
    /// As [`Listings::ours`].
    pub async fn every(
        &self,
        served: &Served,
        namespace: Option<&str>,
        objects: &Objects,
    ) -> Result<Vec<Value>, Failure> {
        let question = Question::Every(namespace.map(str::to_owned));
        match self.answer(served, question, objects).await? {
            Answer::Objects(found) => Ok(found.to_vec()),
            Answer::Forbidden(failure) => Err(failure),
        }
    }

    /// One object, whoever made it; none where there is none of this name.
    ///
    /// # Errors
    /// As [`Listings::ours`].
    pub async fn one(
        &self,
        served: &Served,
        namespace: Option<&str>,
        name: &str,
        objects: &Objects,
    ) -> Result<Option<Value>, Failure> {
        let question = Question::One(namespace.map(str::to_owned), name.to_owned());
        match self.answer(served, question, objects).await? {
            Answer::Objects(found) => Ok(found.first().cloned()),
            Answer::Forbidden(failure) => Err(failure),
        }
    }

    /// Forgets what is known of a kind, for it is being written, and what may follow from that.
    pub fn forget(&self, served: &Served) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|(kind, asked), _| kind != served && !matches!(asked, Question::Every(_)));
    }

    /// Forgets all objects, for a tool is writing some.
    pub fn forget_all(&self) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn answer(
        &self,
        served: &Served,
        question: Question,
        objects: &Objects,
    ) -> Result<Answer, Failure> {
        let slot = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry((served.clone(), question.clone())).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some((at, answer)) = &*slot
            && at.elapsed() < FRESH
        {
            return Ok(answer.clone());
        }
        let began = Instant::now();
        let asked = match &question {
            Question::Ours(namespace) => {
                let selector = labels::selector(&objects.step().config.name);
                objects.all(served, namespace.as_deref(), &selector).await
            }
            Question::Every(namespace) => objects.all(served, namespace.as_deref(), "").await,
            Question::One(namespace, name) => {
                let found = objects.read(served, namespace.as_deref(), name).await;
                found.map(|found| found.into_iter().collect())
            }
        };
        let answer = match asked {
            Ok(found) => Answer::Objects(Arc::new(found)),
            Err(failure) if failure.code == "API_FORBIDDEN" => Answer::Forbidden(failure),
            Err(failure) => return Err(failure),
        };
        *slot = Some((began, answer.clone()));
        Ok(answer)
    }
}
