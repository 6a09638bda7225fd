//! What `mlup doctor --fix` is going to do about what was found: a plan of repairs, each followed by a
//! wait for what it gets going, and a look at the end. Pure: nothing is asked, nothing is changed.

use super::answer::{Answer, Row};
use crate::config::model::Config;
use crate::doctor::leftover::namespaces;
use crate::doctor::look::{Look, Sight};
use crate::doctor::treatment::{self, Case, Known, repair};
use crate::error::Error;
use crate::manifest::ObjectId;
use crate::plan::repair::{Leftover, Repair};
use crate::plan::{self, Plan, Step, StepId};
use crate::readiness::World;
use crate::report::text;

/// Kinds of workloads that come back once their cause is gone. A job takes as long as it takes.
const AWAITED: [&str; 5] = ["DaemonSet", "Deployment", "Pod", "ReplicaSet", "StatefulSet"];

/// What there is to do.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// The causes that are repaired.
    pub(super) treated: Vec<Treated>,
    /// The failed pods that are removed.
    pub(super) leftovers: Vec<Leftover>,
    pub(super) steps: Vec<Step>,
}

/// A cause, and the steps that repair it.
#[derive(Clone, Debug)]
pub(super) struct Treated {
    pub(super) rule: String,
    pub(super) object: String,
    pub(super) recovery: &'static str,
    pub(super) steps: Vec<StepId>,
}

impl Course {
    /// What there is to do about a look, by the answer to it. What mlup may repair here is marked as
    /// such.
    ///
    /// # Errors
    /// The configuration has no plan.
    pub(super) fn of((look, answer): (&Look, &mut Answer), config: &Config) -> Result<Self, Error> {
        let plan = plan::start(config)?;
        let nothing = World::default();
        let (world, answers) = match &look.cluster {
            Some(Sight::Seen(cluster)) => (&cluster.world, Some(&cluster.answers)),
            Some(Sight::Unseen(_)) | None => (&nothing, None),
        };
        let known = Known { world, answers, config, plan: &plan };
        let mut course = Self::default();
        for row in answer.findings.iter_mut().filter(|row| row.repair != "by hand") {
            course.treat(row, known);
        }
        let own = namespaces(config, &plan, world);
        let is_own = |one: &&Leftover| own.contains(&one.namespace);
        course.leftovers = answer.leftovers.iter().filter(is_own).cloned().collect();
        Ok(course)
    }

    fn treat(&mut self, row: &mut Row, known: Known<'_>) {
        let case =
            Case { rule: &row.rule, root: &row.root, down: &row.down, summary: &row.summary };
        let steps = treatment::of(case, known);
        if steps.is_empty() {
            return;
        }
        let ids: Vec<StepId> = steps.iter().map(|step| step.id.clone()).collect();
        let awaited = awaited(row, known.world);
        self.add(steps);
        if !awaited.is_empty() {
            let id = StepId::named("recovery", &row.object);
            let title = format!("what {} kept down", row.object);
            let wait = repair(id, title, Repair::Recovery(awaited));
            self.add(vec![Step { needs: ids.clone(), ..wait }]);
        }
        row.repair = "safe";
        let (rule, object) = (row.rule.clone(), row.object.clone());
        self.treated.push(Treated { rule, object, recovery: row.recovery, steps: ids });
    }

    /// Adds steps, each once: what several need waits for all that any of them has it wait for.
    fn add(&mut self, steps: Vec<Step>) {
        for step in steps {
            match self.steps.iter_mut().find(|known| known.id == step.id) {
                Some(known) => known.needs.extend(step.needs),
                None => self.steps.push(step),
            }
        }
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.treated.is_empty() && self.leftovers.is_empty()
    }

    /// What `--fix` would do, in a line each.
    pub(super) fn hints(&self) -> Vec<String> {
        let causes = match self.treated.len() {
            0 => None,
            count => Some(format!("repairs {} of these", text::count(count, "cause"))),
        };
        let left = match self.leftovers.len() {
            0 => None,
            count => Some(format!("removes {}", text::count(count, "failed pod"))),
        };
        let all = causes.into_iter().chain(left);
        all.map(|what| format!("`mlup doctor --fix` {what}")).collect()
    }

    /// All of it as a plan that ends with a look.
    ///
    /// # Errors
    /// Steps wait for each other: a bug.
    pub(super) fn plan(&self) -> Result<Plan, Error> {
        let mut steps = self.steps.clone();
        if !self.leftovers.is_empty() {
            let title = text::count(self.leftovers.len(), "failed pod");
            steps.push(repair(clean_up(), title, Repair::Leftovers(self.leftovers.clone())));
        }
        let look = repair(StepId::single("look"), "what is left", Repair::Look);
        let after = steps.iter().map(|step| step.id.clone()).collect();
        steps.push(Step { after, ..look });
        let ids: Vec<StepId> = steps.iter().map(|step| step.id.clone()).collect();
        for step in &mut steps {
            step.needs.retain(|need| ids.contains(need));
            step.after.retain(|other| ids.contains(other));
            step.needs.sort();
            step.needs.dedup();
        }
        Ok(Plan::new(steps)?)
    }
}

/// The step that removes failed pods.
pub(super) fn clean_up() -> StepId {
    StepId::single("leftovers")
}

/// The workloads that a cause keeps down, beginning with the one at fault.
fn awaited(row: &Row, world: &World) -> Vec<ObjectId> {
    let all = [&row.root].into_iter().chain(&row.down);
    let workloads = all.filter(|root| AWAITED.contains(&root.kind.as_str()));
    let found = workloads.filter_map(|root| world.find(&root.kind, &root.namespace, &root.name));
    found.filter_map(ObjectId::of).collect()
}
