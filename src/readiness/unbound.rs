//! Why a claim gets no volume: its class, what makes volumes of that class, or the volumes that
//! there are.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::claim::waits_for_a_pod;
use super::commands;
use super::workload::called;
use super::world::{self, World};
use crate::event::CommandLine;
use crate::manifest::quantity::Quantity;
use crate::manifest::read;
use crate::policy::Class;

/// How long a provisioner may take to make a volume, in seconds.
const MAKING: i64 = 30;

/// The provisioner of classes whose volumes are made by hand.
const BY_HAND: &str = "kubernetes.io/no-provisioner";

fn is_default(class: &Value) -> bool {
    class
        .pointer("/metadata/annotations/storageclass.kubernetes.io~1is-default-class")
        .is_some_and(|value| value == "true")
}

/// The class of a claim: the one it names, else the newest default one.
pub(super) fn class_of<'w>(claim: &Value, world: &'w World) -> Option<&'w Value> {
    match claim.pointer("/spec/storageClassName").and_then(Value::as_str) {
        Some(name) => world.find("StorageClass", "", name),
        None => world
            .all("StorageClass")
            .iter()
            .filter(|class| is_default(class))
            .max_by_key(|class| read::text(class, "/metadata/creationTimestamp")),
    }
}

/// Why a claim gets no volume.
pub(super) fn cause(object: &Value, world: &World) -> Option<Cause> {
    if !["", "Pending"].contains(&read::text(object, "/status/phase")) {
        return None;
    }
    let named = read::text(object, "/spec/volumeName");
    if !named.is_empty() {
        return wrong_volume(object, named, world);
    }
    let event = |reason: &str| {
        let events = world.events(object).filter(|event| read::text(event, "/reason") == reason);
        events.last().map(world::message)
    };
    let wanted = object.pointer("/spec/storageClassName").and_then(Value::as_str);
    let class = wanted.unwrap_or_default();
    let lacks_class = |words: &&str| words.contains(&format!("\"{class}\" not found"));
    // What was said before the class came is over.
    let has_come = world.find("StorageClass", "", class).is_some();
    let failed = event("ProvisioningFailed").filter(|words| !(has_come && lacks_class(words)));
    let says_no_class =
        event("FailedBinding").is_some_and(|words| words.contains("no storage class is set"));
    // A claim may also name a class just to be matched with a volume made by hand.
    let by_hand = volumes(class, world).any(|volume| misfits(object, volume).is_empty());
    if let Some(cause) = released(object, world).filter(|_| !by_hand) {
        return Some(cause);
    }
    let known = match wanted {
        Some("") => (says_no_class || world.knows("PersistentVolume") && !by_hand)
            .then(|| no_volume(object, world)),
        Some(class) => {
            let says = failed.as_ref().is_some_and(lacks_class);
            let lacks = world.lacks("StorageClass", "", class) && !by_hand;
            (says || lacks).then(|| unknown_class(object, class, world))
        }
        None => {
            let none = world.knows("StorageClass") && class_of(object, world).is_none();
            (says_no_class || none && !by_hand).then(|| no_default_class(object, world))
        }
    };
    known.or_else(|| failed.map(|words| provisioning(object, words, world))).or_else(|| {
        let waiting = event("ExternalProvisioning");
        if by_hand { None } else { not_made(object, waiting, world) }
    })
}

/// The volumes of a class that nobody has.
fn volumes<'w>(class: &str, world: &'w World) -> impl Iterator<Item = &'w Value> {
    let class = class.to_owned();
    world.all("PersistentVolume").iter().filter(move |volume| {
        read::text(volume, "/status/phase") == "Available"
            && read::text(volume, "/spec/storageClassName") == class
    })
}

/// Why a volume does not fit a claim.
fn misfits(claim: &Value, volume: &Value) -> Vec<String> {
    let modes = |object| -> Vec<&str> {
        read::list(object, "/spec/accessModes").iter().filter_map(Value::as_str).collect()
    };
    let (wanted, has) = (modes(claim), modes(volume));
    let mut found = Vec::new();
    if wanted.iter().any(|mode| !has.contains(mode)) {
        found.push(format!("it is {}, and {} is wanted", has.join(", "), wanted.join(", ")));
    }
    let [asked, size] = [
        read::text(claim, "/spec/resources/requests/storage"),
        read::text(volume, "/spec/capacity/storage"),
    ];
    if let (Some(needs), Some(holds)) = (Quantity::parse(asked), Quantity::parse(size))
        && needs > holds
    {
        found.push(format!("it holds {size}, and {asked} is wanted"));
    }
    found
}

/// What the volumes of the claim's class lack, as evidence.
fn with_misfits(cause: Cause, claim: &Value, class: &str, world: &World) -> Cause {
    volumes(class, world).take(3).fold(cause, |cause, volume| {
        cause.because(format!("volume {}", read::name(volume)), &misfits(claim, volume).join("; "))
    })
}

fn of(object: &Value, code: &'static str, summary: String) -> Cause {
    Cause::new(code, Class::Prerequisite, Finality::CurableBy(Remedy::Object), summary)
        .root("PersistentVolumeClaim", read::namespace(object), read::name(object))
        .affecting(object)
}

/// A claim that names its volume, which is not there or not for it.
fn wrong_volume(object: &Value, name: &str, world: &World) -> Option<Cause> {
    let (claim, namespace) = (read::name(object), read::namespace(object));
    let fix = format!(
        "correct `volumeName` of claim `{claim}` in namespace `{namespace}`, or the volume"
    );
    let Some(volume) = world.find("PersistentVolume", "", name) else {
        return world.lacks("PersistentVolume", "", name).then(|| {
            let summary = format!("{} names volume `{name}`, which is not there", called(object));
            of(object, "CLAIM_LOST", summary)
                .rule("PVC-06")
                .fix(format!("restore volume `{name}`, or {fix}"))
        });
    };
    let holder = format!(
        "{}/{}",
        read::text(volume, "/spec/claimRef/namespace"),
        read::text(volume, "/spec/claimRef/name")
    );
    let phase = read::text(volume, "/status/phase");
    if holder != "/" && holder != format!("{namespace}/{claim}") || phase == "Released" {
        let summary = format!(
            "{} names volume `{name}`, which belongs to claim {holder} ({phase})",
            called(object)
        );
        return Some(of(object, "CLAIM_LOST", summary).rule("PVC-06").fix(fix));
    }
    let classes = [object, volume].map(|one| read::text(one, "/spec/storageClassName"));
    let mut why = misfits(object, volume);
    if classes[0] != classes[1] {
        why.push(format!("it is of class `{}`, and `{}` is wanted", classes[1], classes[0]));
    }
    let summary = format!(
        "{} does not fit the volume `{name}` that it names: {}",
        called(object),
        why.join("; ")
    );
    (!why.is_empty()).then(|| of(object, "CLAIM_NOT_PROVISIONED", summary).rule("PVC-05").fix(fix))
}

/// A claim that wants a volume made by hand, and none fits.
fn no_volume(object: &Value, world: &World) -> Cause {
    let summary = format!(
        "{} asks for a volume without a class, and none that is free fits it",
        called(object)
    );
    let cause = of(object, "STORAGE_CLASS_MISSING", summary).rule("PVC-02").fix(format!(
        "make such a volume by hand, or take `storageClassName: \"\"` out of claim `{}` in namespace `{}` so that the default class makes one",
        read::name(object),
        read::namespace(object)
    ));
    with_misfits(cause, object, "", world)
}

fn no_default_class(object: &Value, world: &World) -> Cause {
    let summary =
        format!("{} names no storage class, and the cluster has no default one", called(object));
    let cause = of(object, "STORAGE_CLASS_MISSING", summary).rule("PVC-02");
    match world.all("StorageClass") {
        [only] => cause.run(CommandLine::kubectl("").args(["annotate", "storageclass"]).args([
            read::name(only),
            "storageclass.kubernetes.io/is-default-class=true",
            "--overwrite",
        ])),
        _ => cause.fix(format!(
            "make a storage class the default one, or set `storageClassName` of `{}` in namespace `{}`",
            read::name(object),
            read::namespace(object)
        )),
    }
}

fn unknown_class(object: &Value, class: &str, world: &World) -> Cause {
    let known: Vec<&str> = world.all("StorageClass").iter().map(read::name).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let summary = format!(
        "{} asks for storage class `{class}`, which the cluster does not have",
        called(object)
    );
    let cause = of(object, "STORAGE_CLASS_MISSING", summary).because("storage classes", &known).fix(format!(
        "set `storageClassName` of `{}` in namespace `{}` to a class of this cluster, or add a class `{class}`",
        read::name(object),
        read::namespace(object)
    ));
    with_misfits(cause, object, class, world).root("StorageClass", "", class)
}

/// A claim that its class's provisioner is asked for and does not make.
fn not_made(object: &Value, waiting: Option<&str>, world: &World) -> Option<Cause> {
    let age = world.age(read::text(object, "/metadata/creationTimestamp"));
    let selected =
        object.pointer("/metadata/annotations/volume.kubernetes.io~1selected-node").is_some();
    let is_asked = selected || waiting.is_some() || !waits_for_a_pod(object, world);
    if !is_asked || age.is_none_or(|age| age < MAKING) {
        return None;
    }
    unmade(object, waiting, world)
}

/// A claim that waits for a volume of its class, and what would make one.
pub(super) fn unmade(object: &Value, waiting: Option<&str>, world: &World) -> Option<Cause> {
    let class = class_of(object, world)?;
    let provisioner = read::text(class, "/provisioner");
    let name = read::name(class);
    let others: Vec<&str> = world
        .all("StorageClass")
        .iter()
        .filter(|other| is_default(other) && read::name(other) != name)
        .map(read::name)
        .collect();
    if is_default(class) && !others.is_empty() {
        let others = others.join(", ");
        let summary = format!(
            "{} got class `{name}`, whose provisioner {provisioner} makes nothing; the cluster has several default classes, and the newest wins over {others}",
            called(object)
        );
        return Some(
            of(object, "CLAIM_UNBOUND", summary).rule("PVC-09").root("StorageClass", "", name).fix(format!(
                "take the annotation storageclass.kubernetes.io/is-default-class off class `{name}`, then make claim `{}` in namespace `{}` anew",
                read::name(object),
                read::namespace(object)
            )),
        );
    }
    let (summary, fix) = if provisioner == BY_HAND {
        (
            format!(
                "{} is of class `{name}`, whose volumes are made by hand, and none that is free fits it",
                called(object)
            ),
            format!(
                "make a volume of class `{name}` that fits claim `{}` in namespace `{}`",
                read::name(object),
                read::namespace(object)
            ),
        )
    } else {
        (
            format!(
                "{} waits for its volume: provisioner {provisioner} of class `{name}` does not make it",
                called(object)
            ),
            format!(
                "bring up the pods of provisioner {provisioner}; claim `{}` in namespace `{}` then binds by itself",
                read::name(object),
                read::namespace(object)
            ),
        )
    };
    let cause = of(object, "CLAIM_UNBOUND", summary).rule("PVC-04").fix(fix);
    // It may only be slow.
    let cause = Cause { finality: Finality::Transient, ..cause };
    Some(
        with_misfits(cause, object, name, world)
            .because(called(object), waiting.unwrap_or("phase: Pending")),
    )
}

/// A claim that was made anew, whose volume still belongs to the one before it; a provisioner makes
/// another one.
fn released(object: &Value, world: &World) -> Option<Cause> {
    let makes =
        class_of(object, world).is_some_and(|class| read::text(class, "/provisioner") != BY_HAND);
    if makes {
        return None;
    }
    let holder = [read::namespace(object), read::name(object)];
    let volume = world.all("PersistentVolume").iter().find(|volume| {
        let of = ["namespace", "name"]
            .map(|field| read::text(volume, &format!("/spec/claimRef/{field}")));
        read::text(volume, "/status/phase") == "Released" && of == holder
    })?;
    let [namespace, claim] = holder;
    let name = read::name(volume);
    let summary = format!(
        "{} gets no volume: `{name}`, which held its data, is Released and still belongs to the claim of this name before it",
        called(object)
    );
    let patch = r#"[{"op":"remove","path":"/spec/claimRef"}]"#;
    Some(
        of(object, "CLAIM_LOST", summary)
            .rule("PVC-06")
            .because(format!("volume {name}"), "phase: Released")
            .run(
                CommandLine::kubectl("")
                    .args(["patch", "pv", name, "--type=json", "-p", patch])
                    .comment(format!(
                        "gives the volume with its data to claim {claim} in {namespace}"
                    )),
            ),
    )
}

fn provisioning(object: &Value, words: &str, world: &World) -> Cause {
    let tail = words.rsplit("\": ").next().unwrap_or(words);
    let class = class_of(object, world).map_or("", read::name);
    let is_about_modes =
        ["access mode", "AccessMode", "ReadWriteMany"].iter().any(|known| words.contains(known));
    let modes: Vec<&str> =
        read::list(object, "/spec/accessModes").iter().filter_map(Value::as_str).collect();
    let asks = if is_about_modes { format!(" for {}", modes.join(", ")) } else { String::new() };
    let cause = Cause::new(
        "CLAIM_NOT_PROVISIONED",
        Class::Permanent,
        Finality::Transient,
        format!("{} gets no volume{asks}: {tail}", called(object)),
    )
    .because("event ProvisioningFailed", words)
    .root("PersistentVolumeClaim", read::namespace(object), read::name(object))
    .affecting(object);
    let cause = with_misfits(cause, object, class, world);
    if words.contains("no volume plugin matched") {
        return cause.rule("PVC-04").fix(format!("make a volume of class `{class}` by hand that fits the claim, or name a class that makes volumes"));
    }
    if is_about_modes {
        return cause.fix(format!(
            "ask for `accessModes: [ReadWriteOnce]` in claim `{}` in namespace `{}`: class `{class}` makes no other volumes",
            read::name(object),
            read::namespace(object)
        ));
    }
    cause.run(commands::describe(object))
}
