//! The objects of all deploys, and what their files alone show to be wrong.

use std::path::Path;

use futures_util::future::{BoxFuture, join_all};

use super::Findings;
use crate::config::model::{Config, Deploy, DeployKind};
use crate::drivers::helm::rendering as charts;
use crate::event::Fix;
use crate::host::files;
use crate::manifest::placeholders::{self, Harm, Placeholder};
use crate::manifest::references::references;
use crate::manifest::{Object, ObjectId, Place, pod_spec, read};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;
use crate::steps::deploy::{self, namespace_of, rendering};
use crate::steps::objects::Objects;

/// What all deploys of the cluster want.
pub(super) struct Wanted {
    config: std::sync::Arc<Config>,
    /// Objects of all deploys.
    all: Vec<Object>,
    parts: Vec<Part>,
    /// What could not be read.
    pub(super) unread: Vec<Unread>,
}

/// The objects of one deploy.
pub(super) struct Part {
    pub(super) deploy: Deploy,
    /// Where its objects go that name no namespace.
    pub(super) namespace: String,
    /// All of them.
    pub(super) all: Vec<Object>,
    /// Those that a run would change.
    pub(super) objects: Vec<Object>,
}

/// A deploy whose objects could not be read.
pub(super) struct Unread {
    failure: Failure,
    /// The text of its files; none where a tool would have to render them.
    text: Option<String>,
}

impl Unread {
    /// Whether something of this name may be among what could not be read.
    pub(super) fn may_hold(&self, name: &str) -> bool {
        self.text.as_ref().is_none_or(|text| text.contains(name))
    }
}

impl Wanted {
    /// Reads or renders the objects of all deploys.
    ///
    /// # Errors
    /// What may pass, and a run that is over; what is wrong with files is a finding.
    pub(super) async fn gather(ctx: &StepCtx) -> Result<Self, Failure> {
        let config = &ctx.config;
        let is_here = |deploy: &&Deploy| !matches!(deploy.kind, DeployKind::Compose(_));
        let deploys: Vec<&Deploy> = config.deploys.iter().filter(is_here).collect();
        let mut renderings: Vec<BoxFuture<'_, _>> = Vec::new();
        for deploy in &deploys {
            renderings.push(Box::pin(ctx.renderings.of(deploy, ctx)));
        }
        let rendered = join_all(renderings).await;
        let mut wanted = Self {
            config: std::sync::Arc::clone(config),
            all: Vec::new(),
            parts: Vec::new(),
            unread: Vec::new(),
        };
        for (deploy, rendering) in deploys.into_iter().zip(rendered) {
            match rendering {
                Ok(rendering) => {
                    wanted.all.extend(rendering.objects.iter().cloned());
                    wanted.parts.push(Part {
                        deploy: deploy.clone(),
                        namespace: namespace_of(deploy, ctx).to_owned(),
                        all: rendering.objects.clone(),
                        objects: deployed(&rendering.objects),
                    });
                }
                Err(failure) if is_final(&failure) => {
                    wanted.unread.push(Unread { failure, text: text_of(deploy, &config.root) });
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(wanted)
    }

    /// Leaves out what a run would not change: nothing of it has to be checked.
    ///
    /// # Errors
    /// What may pass, and a run that is over.
    pub(super) async fn leave_out_unchanged(&mut self, objects: &Objects) -> Result<(), Failure> {
        for part in &mut self.parts {
            let checked: Vec<ObjectId> = part.checked().map(|object| object.id.clone()).collect();
            if checked.is_empty() {
                continue;
            }
            let unchanged = deploy::unchanged(&part.deploy, checked, objects).await?;
            part.objects.retain(|object| !unchanged.iter().any(|id| id.is_same(&object.id)));
        }
        Ok(())
    }

    /// The objects of all deploys.
    pub(super) fn all(&self) -> &[Object] {
        &self.all
    }

    /// How many objects there are.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// What a run would change, deploy by deploy.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The objects that have to work.
    pub(super) fn changing(&self) -> Vec<Object> {
        self.chosen(|part, object| !part.is_optional(object))
    }

    /// The objects that may stay unready.
    pub(super) fn optional(&self) -> Vec<Object> {
        self.chosen(Part::is_optional)
    }

    fn chosen(&self, choose: impl Fn(&Part, &Object) -> bool) -> Vec<Object> {
        let of = |part: &Part| -> Vec<Object> {
            part.objects.iter().filter(|object| choose(part, object)).cloned().collect()
        };
        self.parts.iter().flat_map(of).collect()
    }

    /// What is wrong without a look at the cluster.
    pub(super) fn read_alone(&self, findings: &mut Findings) {
        findings.failures.extend(self.unread.iter().map(|unread| unread.failure.clone()));
        for part in &self.parts {
            for object in &part.all {
                self.variables(part, object, findings);
                findings.failures.extend(empty_images(object));
            }
        }
    }

    fn variables(&self, part: &Part, object: &Object, findings: &mut Findings) {
        let mut seen: Vec<String> = Vec::new();
        for found in placeholders::placeholders(object) {
            if seen.contains(&found.text) {
                continue;
            }
            let failure = self.unset(part, object, &found);
            match found.harm {
                Harm::Certain => findings.failures.push(failure),
                Harm::Possible => findings.warnings.push(failure),
            }
            seen.push(found.text);
        }
    }

    fn unset(&self, part: &Part, object: &Object, found: &Placeholder) -> Failure {
        let Placeholder { name, text, path, harm } = found;
        let place = exact(&self.config.root, &object.place, text);
        let summary = match harm {
            Harm::Certain => {
                format!("{place}: nothing replaces `{text}` in `{path}` of {}", object.id)
            }
            Harm::Possible => {
                format!(
                    "{place}: the program of {} gets `{text}` as it stands, in `{path}`",
                    object.id
                )
            }
        };
        let deploy = &part.deploy.name;
        Failure::new(Class::Config, "MANIFEST_VARIABLE_UNSET", summary).fix(Fix::safe(format!(
            "declare it in mlup.toml, in the [[deploy]] `{deploy}`: vars = {{ {name} = \"${{{name}}}\" }}"
        )))
    }
}

impl Part {
    /// The objects that the cluster is asked about.
    fn checked(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(|object| {
            let opens_ports =
                ["LoadBalancer", "NodePort"].contains(&read::text(&object.value, "/spec/type"));
            opens_ports
                || object.id.kind == "PersistentVolumeClaim"
                || pod_spec(&object.value).is_some()
                || !references(object, &self.namespace).is_empty()
        })
    }

    /// Whether the object may stay unready.
    pub(super) fn is_optional(&self, object: &Object) -> bool {
        let named = |name: &String| *name == object.id.short() || *name == object.id.name;
        self.deploy.optional.iter().any(named)
    }
}

/// The objects that a deploy brings into the cluster: charts have some for other times.
fn deployed(objects: &[Object]) -> Vec<Object> {
    objects.iter().filter(|object| charts::is_deployed(&object.value)).cloned().collect()
}

/// Whether the files are to blame, or what is installed: not what may pass.
pub(super) fn is_final(failure: &Failure) -> bool {
    !failure.is_cancelled()
        && !matches!(failure.class, Class::Transient | Class::Timeout | Class::Internal)
}

/// The text of a deploy's manifests, as far as it can be read.
fn text_of(deploy: &Deploy, root: &Path) -> Option<String> {
    let DeployKind::Manifests(manifests) = &deploy.kind else { return None };
    let sources = rendering::sources(manifests, root).ok()?;
    Some(sources.into_iter().map(|source| source.text).collect())
}

/// The place of a text within the file of an object; the object's where it cannot be found.
fn exact(root: &Path, place: &Place, text: &str) -> Place {
    let Ok(content) = files::read_text(&root.join(&place.file)) else { return place.clone() };
    let lines = content.lines().enumerate().skip(place.line.saturating_sub(1));
    let found = lines.filter(|(_, line)| line.contains(text)).map(|(at, _)| at + 1).next();
    Place { file: place.file.clone(), line: found.unwrap_or(place.line) }
}

fn empty_images(object: &Object) -> Vec<Failure> {
    let failure = |path: String| {
        let summary = format!("{}: `{path}` of {} is empty", object.place, object.id);
        Failure::new(Class::Config, "IMAGE_NAME_INVALID", summary)
            .fix(Fix::safe("name the image; a variable that it comes from may be empty"))
    };
    placeholders::empty_images(object).into_iter().map(failure).collect()
}
