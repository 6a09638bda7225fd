//! What can be done when the API refuses an object. Pure: doing it is `converge`'s.

use serde_json::Value;

use crate::manifest::read;
use crate::policy::Failure;
use crate::policy::apply_errors::gives_way;
use crate::steps::objects::dynamic::Refused;

/// What helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Apply it again and take these fields; what is said about that.
    TakeOver(String),
    /// Make its namespace.
    MakeNamespace,
    /// Apply it again a little later; what is waited for.
    Wait(String),
    /// Delete it and make it anew.
    Replace,
    /// Nothing.
    Nothing,
}

/// What the remedy depends on beside the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'c> {
    /// The object as it is, where this project applied it.
    pub(super) ours: Option<&'c Value>,
    /// Whether the definition of its kind is not Kubernetes' own, and may just have come.
    pub(super) is_custom: bool,
}

/// What helps against this refusal.
pub(super) fn remedy(refused: &Refused, case: Case<'_>) -> Remedy {
    let Refused { failure, conflicts } = refused;
    match failure.code {
        "FIELD_OWNED" if conflicts.iter().all(|one| gives_way(&one.manager)) => {
            Remedy::TakeOver(taken_over(refused))
        }
        "NAMESPACE_MISSING" => Remedy::MakeNamespace,
        // A webhook whose service is not there does not come up.
        "WEBHOOK_UNREACHABLE" if !says(failure, "service \"", "\" not found") => {
            Remedy::Wait(failure.summary.clone())
        }
        "KIND_UNKNOWN" if case.is_custom => Remedy::Wait("its kind is not served yet".to_owned()),
        "FIELD_IMMUTABLE" if case.ours.is_some_and(is_finished_job) => Remedy::Replace,
        // A namespace gets its default account a moment after it is made.
        "API_FORBIDDEN" if says(failure, "serviceaccount \"default\" not found", "") => {
            Remedy::Wait("its service account is not there yet".to_owned())
        }
        "API_CONFLICT" => Remedy::Wait("somebody changed it at the same time".to_owned()),
        _ => Remedy::Nothing,
    }
}

/// Whether the server's words hold these two, one after the other.
fn says(failure: &Failure, one: &str, two: &str) -> bool {
    let found = |text: &str| text.split_once(one).is_some_and(|(_, rest)| rest.contains(two));
    found(&failure.summary) || failure.evidence.iter().any(|evidence| found(&evidence.text))
}

/// A job that has run is a record of it: a new template is a new run.
fn is_finished_job(live: &Value) -> bool {
    read::kind(live) == "Job" && (read::holds(live, "Complete") || read::holds(live, "Failed"))
}

/// `spec.replicas of kubectl-edit`, with how many more there are.
fn taken_over(refused: &Refused) -> String {
    let mut words: Vec<String> = refused
        .conflicts
        .iter()
        .take(3)
        .map(|one| format!("`{}` of {}", one.field, one.manager))
        .collect();
    if refused.conflicts.len() > words.len() {
        words.push(format!("{} more", refused.conflicts.len() - words.len()));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::Class;
    use crate::policy::apply_errors::Conflict;

    fn refused(code: &'static str, words: &str, managers: &[&str]) -> Refused {
        let conflict = |manager: &&str| Conflict {
            field: "spec.x".to_owned(),
            manager: (*manager).to_owned(),
        };
        let failure =
            Failure::new(Class::Permanent, code, "it is refused").because("API server", words);
        Refused { failure, conflicts: managers.iter().map(conflict).collect() }
    }

    #[test]
    fn each_refusal_has_its_remedy() {
        let job = |kind: &str| json!({"kind": kind, "status": {"conditions": [{"type": "Complete", "status": "True"}]}});
        let (done, deployment) = (job("Job"), job("Deployment"));
        let running = json!({"kind": "Job", "status": {"active": 1}});
        let wait = |why: &str| Remedy::Wait(why.to_owned());
        let none: [&str; 0] = [];
        for (code, words, managers, ours, expected) in [
            (
                "FIELD_OWNED",
                "",
                &["kubectl-client-side-apply", "kubectl-edit"][..],
                None,
                Remedy::TakeOver(
                    "`spec.x` of kubectl-client-side-apply, `spec.x` of kubectl-edit".to_owned(),
                ),
            ),
            ("FIELD_OWNED", "", &["kubectl-edit", "helm"], None, Remedy::Nothing),
            ("FIELD_OWNED", "", &["kube-controller-manager"], None, Remedy::Nothing),
            ("NAMESPACE_MISSING", "", &none, None, Remedy::MakeNamespace),
            (
                "WEBHOOK_UNREACHABLE",
                "no endpoints available for service \"hook\"",
                &none,
                None,
                wait("it is refused"),
            ),
            ("WEBHOOK_UNREACHABLE", "service \"hook\" not found", &none, None, Remedy::Nothing),
            ("FIELD_IMMUTABLE", "", &none, Some(&done), Remedy::Replace),
            ("FIELD_IMMUTABLE", "", &none, Some(&running), Remedy::Nothing),
            ("FIELD_IMMUTABLE", "", &none, Some(&deployment), Remedy::Nothing),
            ("FIELD_IMMUTABLE", "", &none, None, Remedy::Nothing),
            (
                "API_FORBIDDEN",
                "error looking up service account n/default: serviceaccount \"default\" not found",
                &none,
                None,
                wait("its service account is not there yet"),
            ),
            ("API_FORBIDDEN", "it is forbidden", &none, None, Remedy::Nothing),
            ("NAMESPACE_TERMINATING", "", &none, None, Remedy::Nothing),
        ] {
            let case = Case { ours, is_custom: false };
            assert_eq!(remedy(&refused(code, words, managers), case), expected, "{code} {words}");
        }
        for (is_custom, expected) in
            [(true, wait("its kind is not served yet")), (false, Remedy::Nothing)]
        {
            let case = Case { ours: None, is_custom };
            assert_eq!(remedy(&refused("KIND_UNKNOWN", "", &[]), case), expected);
        }
    }
}
