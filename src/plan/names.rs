//! From what a person writes to steps: full identifiers, `kind/*`, and bare names.

use crate::plan::{PlanError, StepId};

/// Kinds that belong to a deploy of the same name; a bare name means the deploy.
const DERIVED: [&str; 3] = ["beside", "images", "preflight"];

/// The steps that a name means: one, or for `kind/*` all of the kind.
///
/// # Errors
/// It means none, or a bare name means several.
pub(super) fn resolve(name: &str, known: &[StepId]) -> Result<Vec<StepId>, PlanError> {
    if let Some(exact) = known.iter().find(|id| id.as_str() == name) {
        return Ok(vec![exact.clone()]);
    }
    let found: Vec<StepId> = match name.strip_suffix("/*") {
        Some(kind) => known.iter().filter(|id| id.kind() == kind).cloned().collect(),
        None => bare(name, known),
    };
    let one_wanted = !name.ends_with("/*");
    match found.len() {
        0 => {
            Err(PlanError::UnknownStep { name: name.to_owned(), suggestion: nearest(name, known) })
        }
        1 => Ok(found),
        _ if one_wanted => Err(PlanError::Ambiguous { name: name.to_owned(), candidates: found }),
        _ => Ok(found),
    }
}

fn bare(name: &str, known: &[StepId]) -> Vec<StepId> {
    let own = known.iter().filter(|id| id.name() == name && !DERIVED.contains(&id.kind()));
    own.cloned().collect()
}

/// The identifier, or bare name, that is most like what was written.
pub(super) fn nearest(name: &str, known: &[StepId]) -> Option<String> {
    let spellings = known.iter().flat_map(|id| {
        let short = (!DERIVED.contains(&id.kind())).then(|| id.name());
        std::iter::once(id.as_str()).chain(short).map(move |spelling| (spelling, id))
    });
    let scored = spellings
        .map(|(spelling, id)| (strsim::normalized_damerau_levenshtein(name, spelling), id));
    // Below this likeness a suggestion confuses more than it helps.
    let near = scored.filter(|(likeness, _)| *likeness >= 0.6);
    near.reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, id)| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::id;

    fn known() -> Vec<StepId> {
        ["docker", "network/net", "preflight/stack", "images/stack", "deploy/stack", "check/api"]
            .into_iter()
            .chain(["task/api", "task/seed", "file/conf/app.toml"])
            .map(id)
            .collect()
    }

    fn found(name: &str) -> Vec<String> {
        resolve(name, &known()).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_full_identifier_means_itself() {
        assert_eq!(found("images/stack"), ["images/stack"]);
        assert_eq!(found("docker"), ["docker"]);
    }

    #[test]
    fn a_bare_name_means_the_deploy_and_not_its_parts() {
        assert_eq!(found("stack"), ["deploy/stack"]);
    }

    #[test]
    fn a_file_is_named_by_its_path() {
        assert_eq!(found("conf/app.toml"), ["file/conf/app.toml"]);
    }

    #[test]
    fn a_star_means_the_whole_kind() {
        assert_eq!(found("task/*"), ["task/api", "task/seed"]);
    }

    #[test]
    fn a_bare_name_of_two_steps_is_refused() {
        let error = resolve("api", &known()).unwrap_err();
        assert_eq!(error.to_string(), "`api` may mean `check/api` or `task/api`: write which one");
    }

    #[test]
    fn a_slip_of_the_pen_is_answered_with_the_nearest_step() {
        let error = resolve("deploy/stakc", &known()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no step `deploy/stakc`: did you mean `deploy/stack`?"
        );
        let error = resolve("sead", &known()).unwrap_err();
        assert_eq!(error.to_string(), "there is no step `sead`: did you mean `task/seed`?");
    }

    #[test]
    fn something_quite_different_is_answered_with_where_to_look() {
        let error = resolve("zzz", &known()).unwrap_err();
        assert_eq!(error.to_string(), "there is no step `zzz`: `mlup plan` lists them");
    }

    #[test]
    fn a_star_over_a_kind_that_is_not_there_is_refused() {
        assert!(matches!(resolve("secret/*", &known()), Err(PlanError::UnknownStep { .. })));
    }
}
