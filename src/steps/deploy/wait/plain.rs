//! News of watches as the judgements take them: plain objects with their kind, and without what
//! nobody may keep.

use kube::api::DynamicObject;
use serde_json::Value;

use crate::host::kube::watch::News;
use crate::steps::objects::bare::bare;

/// The same news with plain objects.
pub(super) fn plain(news: News<DynamicObject>, api_version: &str, kind: &str) -> News<Value> {
    let value = |object| value(&object, api_version, kind);
    match news {
        News::All(objects) => News::All(objects.into_iter().map(value).collect()),
        News::Here(object) => News::Here(value(object)),
        News::Gone(object) => News::Gone(value(object)),
        News::Silent(failure) => News::Silent(failure),
    }
}

/// An object with its kind, which lists leave out, and without what nobody may keep.
fn value(object: &DynamicObject, api_version: &str, kind: &str) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    value["apiVersion"] = api_version.into();
    value["kind"] = kind.into();
    bare(value, &|_| {})
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_secrets_only_keys_and_registries_are_kept() {
        let config = json!({"auths": {"ghcr.io": {"auth": "aHVudGVyMg=="}}}).to_string();
        let secret: DynamicObject = serde_json::from_value(json!({
            "metadata": {"name": "s", "namespace": "n",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}},
            "type": "Opaque",
            "data": {"password": "aHVudGVyMg==",
                ".dockerconfigjson": crate::host::kube::base64(config.as_bytes())},
        }))
        .unwrap();
        let kept = value(&secret, "v1", "Secret");
        assert!(!kept.to_string().contains("hunter2") && !kept.to_string().contains("aHVudGVyMg"));
        assert_eq!(kept["data"]["password"], crate::host::kube::base64(b"len:7"));
        let data = kept["data"][".dockerconfigjson"].clone();
        let bytes: k8s_openapi::ByteString = serde_json::from_value(data).unwrap();
        assert_eq!(
            String::from_utf8(bytes.0).unwrap(),
            r#"{"auths":{"ghcr.io":{"auth":"[redacted]"}}}"#
        );
        assert_eq!((&kept["kind"], &kept["type"]), (&json!("Secret"), &json!("Opaque")));
    }
}
