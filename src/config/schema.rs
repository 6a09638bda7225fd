//! The JSON Schema of `mlup.toml`, for editors. It is made from the types in `raw`.

use serde_json::Value;

use super::raw::RawConfig;

/// The JSON Schema (draft 2020-12) of `mlup.toml`.
pub fn schema() -> Value {
    schemars::schema_for!(RawConfig).to_value()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use toml_edit::TableLike;

    use super::super::de::fields_of;
    use super::super::layers::KEYED;
    use super::super::profile;
    use super::*;

    #[test]
    fn the_schema_names_every_section_and_top_level_key() {
        let schema = schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        for key in fields_of::<RawConfig>() {
            assert!(schema["properties"][key].is_object(), "{key}");
            assert!(schema["properties"][key]["description"].is_string(), "{key}");
        }
        for (section, _) in KEYED {
            assert_eq!(schema["properties"][section]["type"], "array", "{section}");
        }
        assert_eq!(schema["additionalProperties"], false);
    }

    /// The text of every `mlup.toml` and profile under `examples/`.
    fn examples() -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let below = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect()
        };
        let folders = below(&folder);
        let files = folders.iter().flat_map(|example| {
            let own = std::iter::once(example.join("mlup.toml"));
            own.chain(below(&example.join("profiles")))
        });
        let is_toml =
            |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
        files.filter(is_toml).filter_map(|path| std::fs::read_to_string(path).ok()).collect()
    }

    /// Asserts that a table has no key that its schema does not name.
    fn assert_known(root: &Value, schema: &Value, table: &dyn TableLike, path: &str) {
        let schema = resolved(root, schema);
        if schema["additionalProperties"].is_object() {
            // Its keys are the user's.
            return;
        }
        for (key, item) in table.iter() {
            let path = format!("{path}.{key}");
            let property = &schema["properties"][key];
            assert!(property.is_object(), "{path}");
            let tables = item.as_array_of_tables().into_iter().flatten();
            for table in tables {
                assert_known(root, &property["items"], table, &path);
            }
            if let Some(table) = item.as_table() {
                assert_known(root, property, table, &path);
            }
        }
    }

    /// The definition that a schema refers to, through `anyOf` of it and null.
    fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
        let schema = schema["anyOf"].as_array().map_or(schema, |either| &either[0]);
        let pointer = schema["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
        pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
    }

    #[test]
    fn every_key_of_the_built_in_layers_and_the_examples_is_in_the_schema() {
        let schema = schema();
        let built_in = profile::BUILT_IN.iter().map(|(_, text)| *text).chain([profile::DEFAULTS]);
        let texts = built_in.map(str::to_owned).chain(examples());
        for text in texts {
            let document = toml_edit::Document::parse(text).unwrap();
            assert_known(&schema, &schema, document.as_table(), "");
        }
    }

    #[test]
    fn enum_values_are_listed_with_their_meaning() {
        let text = schema().to_string();
        for word in ["docker-desktop", "minikube", "base64-32", "kubeconfig", "never"] {
            assert!(text.contains(&format!("\"{word}\"")), "{word}");
        }
    }
}
