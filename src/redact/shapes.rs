//! Secrets that text gives away by their shape: what issuers put before their tokens, keys between
//! their marks, logins in addresses. What a shape may mistake is checked before it is replaced.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex, RegexSet};

use super::MARK;
use super::values::{is_mixed, is_placeholder, is_random, is_two_cased};

/// What is replaced where a pattern fits.
#[derive(Clone, Copy)]
enum Replace {
    /// All of it.
    All,
    /// All of it, where it has capitals, small letters and digits, which names of objects have not.
    Mixed,
    /// What is between the two groups.
    Between,
    /// As `Between`, where what is replaced has a digit or both cases: no plain word.
    BetweenMixed,
    /// All of it, where it looks like chance.
    Random,
}

use Replace::{All, Between, BetweenMixed, Mixed, Random};

/// Patterns in the order in which they are tried: what spans more comes first.
const SHAPES: &[(Replace, &str)] = &[
    // Keys between marks, as they are, with escaped line ends, or cut off.
    (All, r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----.*?-----END [A-Z0-9 ]+-----"),
    (
        All,
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----(?:[\s\\]|[A-Za-z0-9+/=]|[A-Z][a-zA-Z-]+: )*",
    ),
    (All, r"(?s)PuTTY-User-Key-File-.*?Private-MAC: [0-9a-f]+"),
    (All, r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}"),
    // Logins in addresses; `@sha256:` is no login.
    (Between, r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#"'<>@:]*:[^\s/?#"'<>]*(@(?:sha\d+:)?)"#),
    (
        Between,
        r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#"'<>@:]+:[^\s"'<>@]*[^\s"'<>@0-9a-z.:/-][^\s"'<>@]*(@[A-Za-z0-9.\[-])"#,
    ),
    (Between, r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#"'<>@:]{8,}(@(?:sha\d+:|[A-Za-z0-9.-]+))"#),
    (Between, r"(?i)\b(jdbc:oracle:thin:)[^\s/@]+/[^\s@]+(@)"),
    (Between, r#"()[^\s"'=:@/]+:[^\s"'@]+(@(?:tcp|unix)\()"#),
    // Addresses that are secrets as a whole.
    (Between, r#"(https://hooks\.slack\.com/)[^\s"'<>]+()"#),
    (Between, r#"(https://(?:discord|discordapp)\.com/api/webhooks/)[^\s"'<>]+()"#),
    (Between, r#"(https://[a-z0-9.-]*webhook\.office\.com/)[^\s"'<>]+()"#),
    // Headers.
    (Between, r#"(?i)\b((?:proxy-)?authorization["']?\s*[:=,]\s*b?["']?)[^\r\n"']{6,}()"#),
    (Between, r#"(?i)\b((?:set-)?cookie["']?\s*[:=]\s*b?["']?)[^\r\n"']{4,}()"#),
    (BetweenMixed, r"(?i)\b((?:bearer|basic|apikey|ssws)\s+)[A-Za-z0-9._~+/=-]{8,}()"),
    // Command lines and statements.
    (
        Between,
        r"(?i)\b((?:docker|podman|nerdctl|helm registry|oras)\s+login\b[^\n]*?\s-p[ =]?)[^\s]+()",
    ),
    (Between, r"(?i)\b(sshpass\s+-p\s*)[^\s]+()"),
    (Between, r"(?i)\b((?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n]*?\s-p)[^\s]+()"),
    (Between, r"(?i)\b(redis-cli\b[^\n]*?\s(?:-a|--pass)[ =])[^\s]+()"),
    (Between, r"(?i)\b((?:mongo|mongosh|mongodump)\b[^\n]*?\s-p[ =]?)[^\s]+()"),
    (Between, r"(?i)\b(ldap[a-z]+\b[^\n]*?\s-w[ =]?)[^\s]+()"),
    (Between, r#"(?i)(\s(?:-u|--user)[ =]["']?[^\s:"']+:)[^\s"']+()"#),
    (Between, r"(?i)\b((?:identified\s+by|password)\s+')[^']+(')"),
    (Between, r"(?i)\b(login\s+\S+\s+password\s+)\S+()"),
    (Between, r"(?i)(<(?:[a-z]+:)?[a-z-]*(?:password|passwd|secret|token|apikey)>)[^<]+(</)"),
    // `.pgpass`: host, port, database, user, password.
    (Between, r"(?m)\b([A-Za-z0-9.*_-]+:\d{4,5}:[A-Za-z0-9.*_-]+:[A-Za-z0-9.*_-]+:)[^\s:]+()$"),
    // Hashes of passwords.
    (All, r#"\$(?:apr1|1|2[abxy]|5|6|7|y|argon2(?:id|i|d)|scrypt|gy)\$[^\s"':,]{8,}"#),
    (All, r"\{S?SHA(?:256|512)?\}[A-Za-z0-9+/=]{16,}"),
    (All, r#"\b(?:pbkdf2_sha\d+|bcrypt_sha256|argon2)\$[^\s"',]{16,}"#),
    (All, r#"\b(?:pbkdf2:sha\d+|scrypt):[0-9:]+\$[^\s"',]{12,}"#),
    (All, r#"\bSCRAM-SHA-\d+\$[^\s"',]{16,}"#),
    (All, r"\*[0-9A-F]{40}\b"),
    // What begins like base64 of `{"` or of `-----BEGIN`: tokens, pull secrets, kubeconfigs.
    (All, r"\beyJ[A-Za-z0-9_+/-]{10,}[A-Za-z0-9_+/=.-]*"),
    (All, r"\b(?:ewog|ewoJ|eyAi)[A-Za-z0-9+/]{16,}={0,2}"),
    (All, r"\bLS0tLS1CRUdJTi[A-Za-z0-9+/]{16,}={0,2}"),
    (All, r"\bgAAAAA[A-Za-z0-9_-]{20,}={0,2}"),
    // Issuers.
    (All, r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    (All, r"\b(?:FwoGZXIvYXdz|FQoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9+/=]{16,}"),
    (All, r"\bLTAI[A-Za-z0-9]{12,30}\b"),
    (All, r"\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_[A-Za-z0-9_]{16,}"),
    (
        All,
        r"\bgl(?:pat|ptt|dt|rt|cbt|soat|ft|oas|imt|agent|ffct)-[A-Za-z0-9_.-]{16,}|\bGR1348941[A-Za-z0-9_-]{16,}",
    ),
    (All, r"\bgl(?:c|sa)_[A-Za-z0-9+/=_]{20,}"),
    (All, r"\bxox[abeoprs](?:\.xox[abp])?-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"),
    (
        All,
        r"\bAIza[0-9A-Za-z_-]{30,}|\bya29\.[0-9A-Za-z_-]{16,}|\bGOCSPX-[A-Za-z0-9_-]{20,}|\b1//0[A-Za-z0-9_-]{20,}",
    ),
    (
        Mixed,
        r"\bsk-[A-Za-z0-9_-]{16,}|\bgsk_[A-Za-z0-9]{20,}|\bpplx-[A-Za-z0-9]{20,}|\bxai-[A-Za-z0-9]{20,}",
    ),
    (
        All,
        r"\bhf_[A-Za-z0-9]{16,}|\bapi_org_[A-Za-z0-9]{16,}|\br8_[A-Za-z0-9]{30,}|\bnvapi-[A-Za-z0-9_-]{20,}",
    ),
    (All, r"\bnpm_[A-Za-z0-9]{20,}|\brubygems_[a-f0-9]{32,}|\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}"),
    (Mixed, r"\bpypi-[A-Za-z0-9_-]{16,}"),
    (All, r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/=]{16,}"),
    (
        All,
        r"\b(?:SK|AC)[0-9a-f]{32}\b|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|\bkey-[0-9a-f]{32}\b|\b[0-9a-f]{32}-us\d{1,2}\b",
    ),
    (
        All,
        r"\bdo[opr]_v1_[a-f0-9]{40,}|\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{24,}|\bdapi[a-f0-9]{32}(?:-\d)?\b|\bdp\.(?:pt|st|ct|sa)\.[A-Za-z0-9.]{20,}",
    ),
    (
        All,
        r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}|\bs\.[A-Za-z0-9]{24}\b|\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{20,}",
    ),
    (
        All,
        r"\bNRAK-[A-Z0-9]{20,}|\bPMAK-[A-Za-z0-9-]{20,}|\blin_api_[A-Za-z0-9]{20,}|\bntn_[A-Za-z0-9]{20,}|\bATATT3[A-Za-z0-9_=-]{20,}",
    ),
    (
        All,
        r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{16,}|\bsbp_[a-f0-9]{32,}|\bpul-[a-f0-9]{40}\b|\bsntry[su]_[A-Za-z0-9+/=_-]{16,}|\bfigd_[A-Za-z0-9_-]{16,}",
    ),
    (
        All,
        r"\bsq0(?:atp|csp|idp)-[A-Za-z0-9_-]{16,}|\bEAA[A-Z][A-Za-z0-9]{24,}|\b\d{8,10}:AA[A-Za-z0-9_-]{30,}",
    ),
    (
        All,
        r"\bAKCp[A-Za-z0-9]{20,}|\bcmVmdGtuOj[A-Za-z0-9+/=]{20,}|[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{30,}",
    ),
    (All, r"\bK10[a-f0-9]{20,}::[a-z]+:\S+"),
    // Hugging Face, OpenAI and others send these in addresses: `?X-Amz-Signature=`, `&sig=`.
    (
        Between,
        r#"(?i)([?&](?:x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|sig|code|key|access_token)=)[^&\s"']+()"#,
    ),
    // Keys that say nothing of themselves.
    (Random, r"[A-Za-z0-9+/]{30,}={0,2}"),
    (Random, r"[A-Za-z0-9_-]{30,}={0,2}"),
];

static SET: LazyLock<Option<RegexSet>> =
    LazyLock::new(|| RegexSet::new(SHAPES.iter().map(|(_, pattern)| pattern)).ok());

static EACH: LazyLock<Vec<(Replace, Regex)>> = LazyLock::new(|| {
    let each = SHAPES.iter().filter_map(|(how, pattern)| Some((*how, Regex::new(pattern).ok()?)));
    each.collect()
});

/// The text without what looks like a secret.
pub(super) fn without(text: &str) -> Cow<'_, str> {
    let Some(set) = SET.as_ref() else { return MARK.into() };
    let fits = set.matches(text);
    let mut clean = Cow::Borrowed(text);
    for at in &fits {
        let Some((how, shape)) = EACH.get(at) else { return MARK.into() };
        if let Cow::Owned(less) = shape.replace_all(&clean, |found: &Captures<'_>| put(*how, found))
        {
            clean = less.into();
        }
    }
    clean
}

fn put(how: Replace, found: &Captures<'_>) -> String {
    let all = found.get(0).map_or("", |all| all.as_str());
    let group = |at| found.get(at).map_or("", |group| group.as_str());
    let (before, after) = (group(1), group(2));
    let inner = all.get(before.len()..all.len().saturating_sub(after.len())).unwrap_or_default();
    let is_meant = match how {
        All => true,
        Mixed => is_mixed(all),
        Between => !is_placeholder(inner) && !after.starts_with("@sha"),
        BetweenMixed => {
            inner.contains(|c: char| c.is_ascii_digit() || c == '=') || is_two_cased(inner)
        }
        Random => is_random(all),
    };
    match how {
        _ if !is_meant => all.to_owned(),
        Between | BetweenMixed => format!("{before}{MARK}{after}"),
        _ => MARK.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert!(SET.is_some());
        assert_eq!(EACH.len(), SHAPES.len());
    }
}
