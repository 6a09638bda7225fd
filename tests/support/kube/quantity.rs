//! Quantities as the server writes them back: `1024Mi` is `1Gi`, `0.5` is `500m`.

use serde_json::Value;

/// Suffixes and their powers of 1024.
const BINARY: [(&str, u32); 6] = [("Ei", 6), ("Pi", 5), ("Ti", 4), ("Gi", 3), ("Mi", 2), ("Ki", 1)];
/// Suffixes and their powers of ten, counted in thousand millionths.
const DECIMAL: [(&str, u32); 10] = [
    ("E", 27),
    ("P", 24),
    ("T", 21),
    ("G", 18),
    ("M", 15),
    ("k", 12),
    ("", 9),
    ("m", 6),
    ("u", 3),
    ("n", 0),
];

/// Writes all quantities of a map of resources in the server's form.
pub(super) fn settle(resources: Option<&mut Value>) {
    let fields = resources.and_then(Value::as_object_mut);
    for value in fields.into_iter().flat_map(|fields| fields.values_mut()) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let Some(text) = canonical(&text) {
            *value = text.into();
        }
    }
}

/// A quantity in the server's form; none for what is no quantity.
fn canonical(text: &str) -> Option<String> {
    let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{part}").parse().ok()?;
    let scale = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    if let Some((_, power)) = BINARY.iter().find(|(own, _)| *own == suffix) {
        let units = digits.checked_mul(1024_i128.pow(*power))? / scale;
        let fits = |(_, power): &&(&str, u32)| units % 1024_i128.pow(*power) == 0 && units != 0;
        return Some(match BINARY.iter().find(fits) {
            Some((suffix, power)) => format!("{}{suffix}", units / 1024_i128.pow(*power)),
            None => units.to_string(),
        });
    }
    let (_, power) = DECIMAL.iter().find(|(own, _)| *own == suffix)?;
    let parts = digits.checked_mul(10_i128.pow(*power))? / scale;
    if parts == 0 {
        return Some("0".to_owned());
    }
    let fits = |(_, power): &&(&str, u32)| parts % 10_i128.pow(*power) == 0;
    let (suffix, power) = DECIMAL.iter().find(fits).unwrap_or(&("", 9));
    Some(format!("{}{suffix}", parts / 10_i128.pow(*power)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_as_the_server_writes_them() {
        let rows = [
            ("1024Mi", "1Gi"),
            ("5000Mi", "5000Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500", "1500"),
            ("2000", "2k"),
            ("0", "0"),
            ("128974848", "128974848"),
        ];
        for (given, kept) in rows {
            assert_eq!(canonical(given).as_deref(), Some(kept), "{given}");
        }
        for given in ["", "five", "1Xi", "1.2.3"] {
            assert_eq!(canonical(given), None, "{given}");
        }
    }
}
