//! Causes that several workloads have in common although no object is at fault: one image whose program
//! breaks off in each of them by the same words, or one service that all of them ask in vain.

use std::collections::HashMap;

use crate::manifest::read;
use crate::readiness::{Cause, LogSource, Root, Whose, World};

/// A cause with the objects that were judged.
type Told = (Cause, Vec<Root>);

/// Makes one of causes that are the same trouble; the first of them stands for all.
pub(super) fn gathered(causes: Vec<Told>, world: &World) -> Vec<Told> {
    let mut kept: Vec<Told> = Vec::new();
    let mut places: HashMap<Vec<String>, usize> = HashMap::new();
    for (cause, judged) in causes {
        let key = likeness(&cause, world);
        let known = key.as_ref().and_then(|key| places.get(key)).copied();
        if let Some((first, roots)) = known.and_then(|at| kept.get_mut(at)) {
            first.affects.extend(cause.affects);
            roots.extend(judged);
            continue;
        }
        if let Some(key) = key {
            places.insert(key, kept.len());
        }
        kept.push((cause, judged));
    }
    kept
}

/// What such causes have in common.
fn likeness(cause: &Cause, world: &World) -> Option<Vec<String>> {
    let log = cause.log.as_ref()?;
    let rule = cause.rule.unwrap_or_default().to_owned();
    if let Some(service) = &cause.needs {
        let place = [&service.kind, &service.namespace, &service.name].map(String::clone);
        return Some([vec![cause.code.to_owned(), rule], place.to_vec()].concat());
    }
    if cause.whose != Whose::Application {
        return None;
    }
    let own = format!("log {}/{}", log.pod, log.container);
    let said = cause.evidence.iter().filter(|line| line.source == own);
    let said: Vec<String> = said.map(|line| line.text.clone()).collect();
    let image = image(log, world)?.to_owned();
    (!said.is_empty()).then(|| [vec![cause.code.to_owned(), rule, image], said].concat())
}

/// The image of the container that a log is of.
fn image<'w>(log: &LogSource, world: &'w World) -> Option<&'w str> {
    let pod = world.find("Pod", &log.namespace, &log.pod)?;
    let all = ["/spec/containers", "/spec/initContainers"];
    let mut all = all.iter().flat_map(|list| read::list(pod, list));
    let container = all.find(|one| read::text(one, "/name") == log.container)?;
    Some(read::text(container, "/image"))
}
