//! What is said about a wait: while it lasts, and how it ended.

use super::part::{Need, Part, is_awaited};
use super::verdict::Verdict;
use crate::doctor::rule;
use crate::event::Evidence;
use crate::manifest::Object;
use crate::plan::change::Settled;
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::readiness::cause::fold;
use crate::readiness::keeper::respecting;
use crate::readiness::{Cause, Finality, Readiness, World, causes};

/// How many objects are named in one line.
const NAMED: usize = 2;

/// Most lines of evidence of a failure.
const LINES: usize = 5;

/// Most causes that are told beside the first.
const FINDINGS: usize = 8;

/// Objects that are all ready.
pub(super) fn settled(wanted: &[Object]) -> Settled {
    let awaited = wanted.iter().filter(|object| is_awaited(&object.id)).count();
    match (awaited, wanted.len()) {
        (0, 1) => Settled::ready("1 object"),
        (0, all) => Settled::ready(format!("{all} objects")),
        (awaited, _) => Settled::ready(format!("{awaited} of {awaited} ready")),
    }
}

/// How a wait ended well.
pub(super) fn ready(verdict: &Verdict) -> Settled {
    Settled::ready(counted(verdict))
}

fn counted(verdict: &Verdict) -> String {
    let counts = |part: &&Part| part.need != Need::Beside && !part.is_to_come();
    let all = || verdict.parts.iter().filter(counts);
    let ready = all().filter(|part| part.state.is_ready()).count();
    format!("{ready} of {} ready", all().count())
}

/// What is waited for: what stands still first, then what runs, then what follows from it.
pub(super) fn waiting(verdict: &Verdict) -> String {
    let missing = |(_, part): &(usize, &Part)| {
        !part.is_optional() && !part.state.is_ready() && !part.is_to_come()
    };
    let mut missing: Vec<(usize, &Part)> =
        verdict.parts.iter().enumerate().filter(missing).collect();
    missing.sort_by_key(|(_, part)| (part.cause().is_none(), !part.works()));
    let mut shown: Vec<String> =
        missing.iter().take(NAMED).map(|&(at, part)| standing(verdict, at, part)).collect();
    if missing.len() > NAMED {
        shown.push(format!("{} more", missing.len() - NAMED));
    }
    format!("{}: {}", counted(verdict), shown.join(", "))
}

/// Where one object stands.
fn standing(verdict: &Verdict, at: usize, part: &Part) -> String {
    let name = part.id.short();
    let Some(cause) = part.cause() else { return format!("{name} {}", part.state.words()) };
    let while_others = match (cause.finality, verdict.sibling_of(at)) {
        (Finality::CurableBy(crate::readiness::Remedy::Dependency), Some(other)) => {
            format!(", while {} is not ready", other.id.short())
        }
        _ => String::new(),
    };
    format!("{name} blocked: {}{while_others}", cause.summary)
}

/// What to say of an object that is not ready although the wait ended well.
pub(super) fn left(part: &Part, context: &str) -> Option<Progress> {
    if part.state.is_ready() {
        return None;
    }
    let name = part.id.short();
    if part.lacks_address && !part.is_optional() {
        let object = format!("service `{}/{}`", part.namespace(), part.id.name);
        return Some(Progress::Warning {
            code: "LOAD_BALANCER_PENDING",
            message: format!("{object} is a LoadBalancer, and nothing gives it an address"),
            hint: Some(
                "minikube: run `minikube tunnel`; elsewhere install a load balancer such as \
                 MetalLB, or use a NodePort"
                    .to_owned(),
            ),
        });
    }
    let fix = part.cause().map(|cause| pinned(cause.clone(), context)).and_then(|cause| cause.fix);
    Some(Progress::Warning {
        code: "OPTIONAL_NOT_READY",
        message: format!("`{name}` is optional and not ready: {}", part.state.words()),
        hint: fix.map(|fix| fix.command),
    })
}

/// The failure of a wait that an object ended: the most final cause, with the others as findings.
pub(super) fn lost(verdict: &Verdict, at: usize, world: &World, context: &str) -> Failure {
    let mut found: Vec<Cause> = Vec::new();
    let others =
        || verdict.parts.iter().filter(|part| !part.is_optional() && !part.patience.is_helped());
    // What runs comes before what only follows from it.
    for part in others().filter(|part| part.works()).chain(others().filter(|part| !part.works())) {
        let Some(cause) = part.cause() else { continue };
        found.push(cause.clone());
        let others = part.live(world).map(|live| causes(live, world)).unwrap_or_default();
        // What its log says of a crash is known of the first alone.
        found.extend(others.into_iter().filter(|other| {
            other.finality != Finality::Transient && other.log.is_none() && other.root != cause.root
        }));
    }
    let mut causes = fold(found).into_iter().map(|cause| told(cause, world, context));
    let failure = causes.next().map_or_else(|| unexplained(at, verdict), |first| of(&first));
    with_findings(failure, &causes.collect::<Vec<Cause>>())
}

/// The failure that a cause is, under the rule by which `mlup doctor` finds it.
fn of(cause: &Cause) -> Failure {
    let mut failure = cause.failure();
    failure.detail.rule = Some(rule::of(cause).id);
    failure
}

/// The failure with what else is wrong: so much of it that people read it, and a count of the rest.
fn with_findings(mut failure: Failure, others: &[Cause]) -> Failure {
    let more = others.len().saturating_sub(FINDINGS);
    if let Some(last) = others.last().filter(|_| more > 0) {
        failure.evidence.truncate(LINES - 1);
        let what = if more == 1 { "cause" } else { "causes" };
        failure = failure.because("beside", format!("{more} more {what}, such as {}", last.code));
    }
    let shown = others.iter().take(FINDINGS);
    failure.detail.findings = shown.map(|cause| of(cause).finding()).collect();
    failure
}

/// An object that is lost has a cause; should one have none, its words remain.
fn unexplained(at: usize, verdict: &Verdict) -> Failure {
    let part = &verdict.parts[at];
    let summary = format!("`{}` will not be ready: {}", part.id.short(), part.state.words());
    Failure::new(Class::Permanent, "STEP_TIMEOUT", summary)
}

/// The failure of a wait whose time is over: each object that was not ready and why, what is most
/// final first.
pub(super) fn overdue(verdict: &Verdict, world: &World, context: &str) -> Failure {
    let missing = verdict.parts.iter().filter(|part| !part.is_optional() && !part.state.is_ready());
    let mut missing: Vec<(&Part, Option<Cause>)> = missing
        .map(|part| {
            let known = part.cause().cloned();
            let found = || causes(part.live(world)?, world).into_iter().next();
            (part, known.or_else(found).map(|cause| told(cause, world, context)))
        })
        .collect();
    missing.sort_by_key(|(part, cause)| (rank(part, cause.as_ref()), !part.works()));
    let why = |part: &Part, cause: &Option<Cause>| match cause {
        Some(cause) => format!("{} ({})", cause.summary, cause.code),
        None => part.state.words().to_owned(),
    };
    let first = missing.first().map_or_else(String::new, |(part, cause)| {
        format!(": {} {}", part.id.short(), why(part, cause))
    });
    let summary = format!("the time was over with {}{first}", counted(verdict));
    let mut failure = Failure::new(Class::Timeout, "STEP_TIMEOUT", summary);
    failure.fix = missing.iter().find_map(|(_, cause)| cause.as_ref()?.fix.clone());
    // The most final cause is proven, the others have a proof of their own; of what has no cause
    // there is a line each.
    let proof = missing.first().and_then(|(_, cause)| cause.clone());
    let rest = || missing.iter().skip(1);
    let slow: Vec<&Part> =
        rest().filter(|(_, cause)| cause.is_none()).map(|(part, _)| *part).collect();
    failure.detail.rule = proof.as_ref().map(|cause| rule::of(cause).id);
    let room = LINES.saturating_sub(slow.len()).max(1);
    failure
        .evidence
        .extend(proof.iter().flat_map(|cause| cause.evidence.iter().cloned()).take(room));
    for part in slow {
        failure.evidence.push(Evidence::new(part.id.short(), part.state.words()));
    }
    failure.evidence.truncate(LINES);
    let is_other = |cause: &Cause| proof.as_ref().is_none_or(|proof| !proof.is_alike(cause));
    let others = fold(rest().filter_map(|(_, cause)| cause.clone()).collect());
    let others: Vec<Cause> = others.into_iter().filter(is_other).collect();
    with_findings(failure, &others)
}

fn rank(part: &Part, cause: Option<&Cause>) -> u8 {
    match (&part.state, cause.map(|cause| cause.finality)) {
        (Readiness::Failed(_), _) | (_, Some(Finality::Fatal)) => 0,
        (_, Some(Finality::CurableBy(_))) => 1,
        (_, Some(Finality::Transient)) => 2,
        (_, None) => 3,
    }
}

/// The cause as it is told: with advice that leaves alone what somebody else keeps as it is.
fn told(cause: Cause, world: &World, context: &str) -> Cause {
    pinned(respecting(cause, world), context)
}

/// The cause with the cluster's context in the command that it advises.
fn pinned(cause: Cause, context: &str) -> Cause {
    let fix = cause.fix.clone().map(|fix| fix.pinned(context));
    Cause { fix, ..cause }
}
