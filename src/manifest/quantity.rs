//! Kubernetes quantities, such as `500m`, `1.5Gi` and `2e3`, exact to a billionth.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

/// An amount of a resource, in billionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quantity(i128);

/// Billionths in one.
const ONE: i128 = 1_000_000_000;

/// Suffixes with what they multiply by, in billionths.
const SUFFIXES: [(&str, i128); 15] = [
    ("Ki", ONE << 10),
    ("Mi", ONE << 20),
    ("Gi", ONE << 30),
    ("Ti", ONE << 40),
    ("Pi", ONE << 50),
    ("Ei", ONE << 60),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", ONE * 1_000),
    ("M", ONE * 1_000_000),
    ("G", ONE * 1_000_000_000),
    ("T", ONE * 1_000_000_000_000),
    ("P", ONE * 1_000_000_000_000_000),
    ("E", ONE * 1_000_000_000_000_000_000),
];

impl Quantity {
    /// Reads a quantity as the API does; parts of a billionth are rounded up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, text) = match text.strip_prefix(['+', '-']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (digits, suffix) = text.split_at(end);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
        let places = u32::try_from(fraction.len()).ok()?;
        let amount = scaled(mantissa, suffix, places)?;
        Some(Self(if negative { -amount } else { amount }))
    }

    /// Reads a quantity that may also be a plain number.
    #[must_use]
    pub fn of(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => Self::parse(text),
            serde_json::Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// What is left when this much is taken, nothing if it is more than there is.
    #[must_use]
    pub fn less(self, taken: Self) -> Self {
        Self((self.0 - taken.0).max(0))
    }

    /// This many times the amount.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(i128::from(count)))
    }

    /// How many parts of this size it holds; without end where a part is nothing.
    #[must_use]
    pub fn holds(self, part: Self) -> u32 {
        if part.0 <= 0 { u32::MAX } else { u32::try_from(self.0 / part.0).unwrap_or_default() }
    }

    /// As people write an amount of this resource: processors in thousandths, bytes in powers of
    /// two, anything else plain.
    #[must_use]
    pub fn show(self, resource: &str) -> String {
        match resource {
            "cpu" => shown_in(self.0, &[("", ONE), ("m", 1_000_000)]),
            "memory" | "ephemeral-storage" | "storage" => shown_in(
                self.0,
                &[("Gi", ONE << 30), ("Mi", ONE << 20), ("Ki", ONE << 10), ("", ONE)],
            ),
            _ => self.to_string(),
        }
    }
}

/// An amount of bytes in the largest unit that it fills, to one place, rounded down; what is no
/// bytes as [`Quantity::show`] has it.
#[must_use]
pub fn about(amount: Quantity, resource: &str) -> String {
    let units = [("Gi", ONE << 30), ("Mi", ONE << 20), ("Ki", ONE << 10)];
    let is_bytes = ["memory", "ephemeral-storage", "storage"].contains(&resource);
    match units.iter().find(|(_, unit)| is_bytes && amount.0 >= *unit) {
        Some((suffix, unit)) => match (amount.0 / unit, amount.0 % unit * 10 / unit) {
            (whole, 0) => format!("{whole}{suffix}"),
            (whole, tenth) => format!("{whole}.{tenth}{suffix}"),
        },
        None => amount.show(resource),
    }
}

/// `mantissa` times the suffix, divided by ten to the `places`.
fn scaled(mantissa: i128, suffix: &str, places: u32) -> Option<i128> {
    let ten = 10_i128;
    let (factor, exponent) = match SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        Some((_, factor)) => (*factor, 0),
        None if suffix.is_empty() => (ONE, 0),
        None => (ONE, suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?),
    };
    let up = ten.checked_pow(u32::try_from(exponent.max(0)).ok()?)?;
    let down = ten.checked_pow(places.checked_add(exponent.min(0).unsigned_abs())?)?;
    let product = mantissa.checked_mul(factor)?.checked_mul(up)?;
    Some(product / down + i128::from(product % down != 0))
}

/// The amount in the largest unit that shows it whole, or rounded up in the smallest.
fn shown_in(amount: i128, units: &[(&str, i128)]) -> String {
    let (suffix, unit) = units
        .iter()
        .find(|(_, unit)| amount != 0 && amount % unit == 0)
        .or(units.last().filter(|_| amount != 0))
        .copied()
        .unwrap_or(("", ONE));
    let whole = amount / unit + i128::from(amount % unit > 0);
    format!("{whole}{suffix}")
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown_in(self.0, &[("", ONE), ("m", 1_000_000), ("u", 1_000), ("n", 1)]))
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn every_suffix_is_read() {
        for (one, other) in [
            ("1", "1000m"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1.", "1"),
            ("1k", "1000"),
            ("1Ki", "1024"),
            ("1.5Gi", "1536Mi"),
            ("1M", "1000k"),
            ("2e3", "2k"),
            ("2E3", "2k"),
            ("1E", "1000P"),
            ("1Ei", "1024Pi"),
            ("15e-1", "1500m"),
            ("1000000u", "1"),
            ("1000000n", "1m"),
            ("1Ti", "1024Gi"),
            ("1T", "1000G"),
            ("+3", "3"),
        ] {
            assert_eq!(quantity(one), quantity(other), "{one} and {other}");
        }
        assert!(quantity("-1") < quantity("0"));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in
            ["", "m", ".", "1.2.3", "1 Gi", "1ki", "1KI", "e3", "1e", "1e99", "0x1", "--1", "1Gib"]
        {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_are_shown_as_people_write_them() {
        for (text, resource, shown) in [
            ("1.5", "cpu", "1500m"),
            ("2", "cpu", "2"),
            ("0", "cpu", "0"),
            ("1m", "memory", "1"),
            ("64Gi", "memory", "64Gi"),
            ("24581696Ki", "memory", "24581696Ki"),
            ("1536Mi", "memory", "1536Mi"),
            ("1", "nvidia.com/gpu", "1"),
        ] {
            assert_eq!(quantity(text).show(resource), shown);
        }
    }

    #[test]
    fn an_amount_holds_whole_parts_of_another() {
        for (all, part, count) in
            [("1900m", "300m", 6), ("1", "1500m", 0), ("3Gi", "1Gi", 3), ("0", "1", 0)]
        {
            assert_eq!(quantity(all).holds(quantity(part)), count, "{all} {part}");
        }
        assert_eq!(quantity("1").holds(quantity("0")), u32::MAX);
    }

    proptest! {
        #[test]
        fn a_shown_amount_reads_as_itself(amount in 0_i128..=1_i128 << 90) {
            let amount = Quantity(amount);
            prop_assert_eq!(Quantity::parse(&amount.to_string()), Some(amount));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[+-]?[0-9.]{0,30}[a-zA-Z]{0,2}[0-9-]{0,4}") {
            let _ = Quantity::parse(&text);
        }

        #[test]
        fn a_smaller_mantissa_is_a_smaller_amount(a in 0_u32.., b in 0_u32.., suffix in "(n|u|m||k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|e3|e-3)") {
            let (x, y) = (quantity(&format!("{a}{suffix}")), quantity(&format!("{b}{suffix}")));
            prop_assert!(a > b || x <= y);
        }
    }
}
