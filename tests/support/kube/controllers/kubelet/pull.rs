//! Pulling an image: whether it is on the node, and what its registry answers, in the words of
//! containerd.

use serde_json::Value;

use super::super::super::world::World;
use super::super::context::Context;
use super::super::objects::text;
use super::super::settings::{Held, Images, Trouble};
use super::names::Image;
use super::pull_secrets;

/// The image that a node has under this name, where somebody tells that.
pub(super) fn held(context: &Context<'_>, pod: &Value, image: &Image) -> Option<String> {
    let asked = context.settings.images.asked.as_ref()?;
    let held = (asked.0)(text(pod, "/spec/nodeName")).into_iter();
    let is_it = |held: &Held| Image::of(&held.name).is_some_and(|own| own.full == image.full);
    held.filter(is_it).map(|held| held.id).next()
}

/// Whether a node has an image.
pub(super) fn is_on_node(world: &World, context: &Context<'_>, pod: &Value, image: &Image) -> bool {
    let images = &context.settings.images;
    let node = text(pod, "/spec/nodeName");
    let listed = world.find("Node", "", node).unwrap_or_default();
    let listed = super::super::objects::list(&listed, "/status/images").iter();
    let mut listed = listed.flat_map(|one| super::super::objects::list(one, "/names"));
    let is_it = |name: &str| Image::of(name).is_some_and(|own| own.full == image.full);
    let pulled = (node.to_owned(), image.full.clone());
    context.memory.pulled.contains(&pulled)
        || images.on_node.iter().any(|name| is_it(name))
        || held(context, pod, image).is_some()
        || listed.any(|name| name.as_str().is_some_and(is_it))
}

/// What a registry makes of a pull: nothing if it gives the image, otherwise the words of the error.
pub(super) fn refusal(
    world: &World,
    context: &Context<'_>,
    pod: &Value,
    image: &Image,
) -> Option<String> {
    let images = &context.settings.images;
    let full = &image.full;
    let unpack = format!("failed to pull and unpack image \"{full}\": ");
    let resolve = format!("{unpack}failed to resolve reference \"{full}\": ");
    if let Some(trouble) = images.troubles.get(&image.host) {
        return Some(format!("{resolve}{}", of_trouble(*trouble, image)));
    }
    if images.missing.iter().any(|meant| image.is_meant_by(meant)) {
        return Some(format!("rpc error: code = NotFound desc = {resolve}{full}: not found"));
    }
    let logins = pull_secrets::logins(world, pod, image);
    if let Some(words) = of_access(images, image, &logins) {
        return Some(format!("{resolve}{words}"));
    }
    let node = world.find("Node", "", text(pod, "/spec/nodeName")).unwrap_or_default();
    let architecture = text(&node, "/status/nodeInfo/architecture");
    let built = images.architectures.iter().find(|(meant, _)| image.is_meant_by(meant));
    built.filter(|(_, own)| own.as_str() != architecture).map(|_| {
        format!(
            "rpc error: code = NotFound desc = {unpack}no match for platform in manifest: not found"
        )
    })
}

fn of_trouble(trouble: Trouble, image: &Image) -> String {
    let Image { host, path, tag, .. } = image;
    let request =
        format!("failed to do request: Head \"https://{host}/v2/{path}/manifests/{tag}\": ");
    match trouble {
        Trouble::Unknown => {
            format!(
                "{request}dial tcp: lookup {} on 127.0.0.53:53: no such host",
                without_port(host)
            )
        }
        Trouble::Refused => {
            let port = host.split_once(':').map_or("443", |(_, port)| port);
            format!("{request}dial tcp 127.0.0.1:{port}: connect: connection refused")
        }
        Trouble::PlainHttp => {
            format!("{request}http: server gave HTTP response to HTTPS client")
        }
        Trouble::RateLimit => {
            let host = if host == "docker.io" { "registry-1.docker.io" } else { host };
            format!(
                "pulling from host {host} failed with status code [manifests {tag}]: 429 Too Many Requests"
            )
        }
    }
}

/// How a registry asks for a login.
fn wants_token(host: &str) -> bool {
    ["azurecr.io", "docker.io", "pkg.dev", "gcr.io", "ghcr.io", "quay.io"]
        .iter()
        .any(|end| host.ends_with(end))
}

fn of_access(images: &Images, image: &Image, logins: &[(String, String)]) -> Option<String> {
    let host = image.host.as_str();
    let Some(account) = images.private.get(host) else {
        // A login that is wrong is no better than none, and worse where none is needed.
        if images.public.iter().any(|meant| image.is_meant_by(meant)) {
            return None;
        }
        return Some(if host == "docker.io" {
            "pull access denied, repository does not exist or may require authorization: server \
             message: insufficient_scope: authorization failed"
                .to_owned()
        } else {
            of_trouble(Trouble::Unknown, image)
        });
    };
    if logins.contains(account) {
        return None;
    }
    let basic = |status: &str| {
        format!(
            "pulling from host {host} failed with status code [manifests {}]: {status}",
            image.tag
        )
    };
    // A password of ECR that is not the current one is an old one.
    let is_stale = host.contains(".dkr.ecr.") && !logins.is_empty();
    Some(match (wants_token(host), logins.is_empty()) {
        (true, true) => {
            "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized"
                .to_owned()
        }
        (true, false) => {
            "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized"
                .to_owned()
        }
        (false, _) if is_stale => basic("403 Forbidden"),
        (false, _) => basic("401 Unauthorized"),
    })
}

fn without_port(host: &str) -> &str {
    host.split(':').next().unwrap_or_default()
}
