//! Secrets that text gives away by their shape: what issuers put before their tokens, keys between
//! their marks, logins in addresses. What a shape may mistake is checked before it is replaced.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::{Captures, Regex};

use super::MARK;
use super::values::{is_mixed, is_placeholder, is_random, is_two_cased};

/// The shortest word that may be a key of which nothing else is known, in bytes.
const LONG: usize = 30;

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
}

use Replace::{All, Between, BetweenMixed, Mixed};

/// What is replaced, words of which one has to be there (in small letters), and the pattern; what
/// spans more comes first.
type Shape = (Replace, &'static [&'static str], &'static str);

#[rustfmt::skip]
const SHAPES: &[Shape] = &[
    (All, &["-----begin"], r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----.*?-----END [A-Z0-9 ]+-----"),
    (All, &["-----begin"], r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----(?:[\s\\]|[A-Za-z0-9+/=]|[A-Z][a-zA-Z-]+: )*"),
    (All, &["putty-user-key"], r"(?s)PuTTY-User-Key-File-.*?Private-MAC: [0-9a-f]+"),
    (All, &["age-secret-key"], r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}"),
    (Between, &["://"], r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#"'<>@:]*:[^\s/?#"'<>]*(@(?:sha\d+:)?)"#),
    (Between, &["://"], r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#"'<>@:]+:[^\s"'<>@]*[^\s"'<>@0-9a-z.:/-][^\s"'<>@]*(@[A-Za-z0-9.\[-])"#),
    (Between, &["://"], r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#"'<>@:]{8,}(@(?:sha\d+:|[A-Za-z0-9.-]+))"#),
    (Between, &["oracle:thin:"], r"(?i)\b(jdbc:oracle:thin:)[^\s/@]+/[^\s@]+(@)"),
    (Between, &["@tcp(", "@unix("], r#"()[^\s"'=:@/]+:[^\s"'@]+(@(?:tcp|unix)\()"#),
    (Between, &["hooks.slack"], r#"(https://hooks\.slack\.com/)[^\s"'<>]+()"#),
    (Between, &["/api/webhooks/"], r#"(https://(?:discord|discordapp)\.com/api/webhooks/)[^\s"'<>]+()"#),
    (Between, &["webhook.office"], r#"(https://[a-z0-9.-]*webhook\.office\.com/)[^\s"'<>]+()"#),
    (Between, &["authorization"], r#"(?i)\b((?:proxy-)?authorization["']?\s*[:=,]\s*b?["']?)[^\r\n"']{6,}()"#),
    (Between, &["cookie"], r#"(?i)\b((?:set-)?cookie["']?\s*[:=]\s*b?["']?)[^\r\n"']{4,}()"#),
    (BetweenMixed, &["bearer", "basic", "apikey", "ssws"], r"(?i)\b((?:bearer|basic|apikey|ssws)\s+)[A-Za-z0-9._~+/=-]{8,}()"),
    (Between, &["login"], r"(?i)\b((?:docker|podman|nerdctl|helm registry|oras)\s+login\b[^\n]*?\s-p[ =]?)[^\s]+()"),
    (Between, &["sshpass"], r"(?i)\b(sshpass\s+-p\s*)[^\s]+()"),
    (Between, &["mysql", "mariadb"], r"(?i)\b((?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n]*?\s-p)[^\s]+()"),
    (Between, &["redis-cli"], r"(?i)\b(redis-cli\b[^\n]*?\s(?:-a|--pass)[ =])[^\s]+()"),
    (Between, &["mongo"], r"(?i)\b((?:mongo|mongosh|mongodump)\b[^\n]*?\s-p[ =]?)[^\s]+()"),
    (Between, &["ldap"], r"(?i)\b(ldap[a-z]+\b[^\n]*?\s-w[ =]?)[^\s]+()"),
    (Between, &[" -u", " --user"], r#"(?i)(\s(?:-u|--user)[ =]["']?[^\s:"']+:)[^\s"']+()"#),
    (Between, &["identified", "password"], r"(?i)\b((?:identified\s+by|password)\s+')[^']+(')"),
    (Between, &["password"], r"(?i)\b(login\s+\S+\s+password\s+)\S+()"),
    (Between, &["</"], r"(?i)(<(?:[a-z]+:)?[a-z-]*(?:password|passwd|secret|token|apikey)>)[^<]+(</)"),
    (Between, &[":5432:", ":5433:", ":6432:"], r"(?m)\b([A-Za-z0-9.*_-]+:\d{4,5}:[A-Za-z0-9.*_-]+:[A-Za-z0-9.*_-]+:)[^\s:]+()$"),
    (All, &["$apr1$", "$1$", "$2", "$5$", "$6$", "$7$", "$y$", "$argon2", "$scrypt$", "$gy$"], r#"\$(?:apr1|1|2[abxy]|5|6|7|y|argon2(?:id|i|d)|scrypt|gy)\$[^\s"':,]{8,}"#),
    (All, &["{sha", "{ssha"], r"\{S?SHA(?:256|512)?\}[A-Za-z0-9+/=]{16,}"),
    (All, &["pbkdf2_sha", "bcrypt_sha256", "argon2$"], r#"\b(?:pbkdf2_sha\d+|bcrypt_sha256|argon2)\$[^\s"',]{16,}"#),
    (All, &["pbkdf2:sha", "scrypt:"], r#"\b(?:pbkdf2:sha\d+|scrypt):[0-9:]+\$[^\s"',]{12,}"#),
    (All, &["scram-sha"], r#"\bSCRAM-SHA-\d+\$[^\s"',]{16,}"#),
    (All, &["*"], r"\*[0-9A-F]{40}\b"),
    (All, &["eyj"], r"\beyJ[A-Za-z0-9_+/-]{10,}[A-Za-z0-9_+/=.-]*"),
    (All, &["ewog", "ewoj", "eyai"], r"\b(?:ewog|ewoJ|eyAi)[A-Za-z0-9+/]{16,}={0,2}"),
    (All, &["ls0tls1"], r"\bLS0tLS1CRUdJTi[A-Za-z0-9+/]{16,}={0,2}"),
    (All, &["gaaaaa"], r"\bgAAAAA[A-Za-z0-9_-]{20,}={0,2}"),
    (All, &["akia", "asia", "abia", "acca"], r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    (All, &["fwogzxivyxdz", "fqogzxivyxdz", "iqojb3jpz2lu"], r"\b(?:FwoGZXIvYXdz|FQoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9+/=]{16,}"),
    (All, &["ltai"], r"\bLTAI[A-Za-z0-9]{12,30}\b"),
    (All, &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"], r"\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_[A-Za-z0-9_]{16,}"),
    (All, &["glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glsoat-", "glft-", "gloas-", "glimt-", "glagent-", "glffct-", "gr1348941"], r"\bgl(?:pat|ptt|dt|rt|cbt|soat|ft|oas|imt|agent|ffct)-[A-Za-z0-9_.-]{16,}|\bGR1348941[A-Za-z0-9_-]{16,}"),
    (All, &["glc_", "glsa_"], r"\bgl(?:c|sa)_[A-Za-z0-9+/=_]{20,}"),
    (All, &["xox", "xapp-"], r"\bxox[abeoprs](?:\.xox[abp])?-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"),
    (All, &["aiza", "ya29.", "gocspx-", "1//0"], r"\bAIza[0-9A-Za-z_-]{30,}|\bya29\.[0-9A-Za-z_-]{16,}|\bGOCSPX-[A-Za-z0-9_-]{20,}|\b1//0[A-Za-z0-9_-]{20,}"),
    (Mixed, &["sk-", "gsk_", "pplx-", "xai-"], r"\bsk-[A-Za-z0-9_-]{16,}|\bgsk_[A-Za-z0-9]{20,}|\bpplx-[A-Za-z0-9]{20,}|\bxai-[A-Za-z0-9]{20,}"),
    (All, &["hf_", "api_org_", "r8_", "nvapi-"], r"\bhf_[A-Za-z0-9]{16,}|\bapi_org_[A-Za-z0-9]{16,}|\br8_[A-Za-z0-9]{30,}|\bnvapi-[A-Za-z0-9_-]{20,}"),
    (All, &["npm_", "rubygems_", "dckr_"], r"\bnpm_[A-Za-z0-9]{20,}|\brubygems_[a-f0-9]{32,}|\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}"),
    (Mixed, &["pypi-"], r"\bpypi-[A-Za-z0-9_-]{16,}"),
    (All, &["_live_", "_test_", "whsec_"], r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/=]{16,}"),
    (All, &["sk", "ac", "sg.", "key-", "-us"], r"\b(?:SK|AC)[0-9a-f]{32}\b|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|\bkey-[0-9a-f]{32}\b|\b[0-9a-f]{32}-us\d{1,2}\b"),
    (All, &["_v1_", "shpat_", "shpca_", "shppa_", "shpss_", "dapi", "dp."], r"\bdo[opr]_v1_[a-f0-9]{40,}|\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{24,}|\bdapi[a-f0-9]{32}(?:-\d)?\b|\bdp\.(?:pt|st|ct|sa)\.[A-Za-z0-9.]{20,}"),
    (All, &["hvs.", "hvb.", "hvr.", "s.", ".atlasv1."], r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}|\bs\.[A-Za-z0-9]{24}\b|\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{20,}"),
    (All, &["nrak-", "pmak-", "lin_api_", "ntn_", "atatt3"], r"\bNRAK-[A-Z0-9]{20,}|\bPMAK-[A-Za-z0-9-]{20,}|\blin_api_[A-Za-z0-9]{20,}|\bntn_[A-Za-z0-9]{20,}|\bATATT3[A-Za-z0-9_=-]{20,}"),
    (All, &["pscale_", "sbp_", "pul-", "sntrys_", "sntryu_", "figd_"], r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{16,}|\bsbp_[a-f0-9]{32,}|\bpul-[a-f0-9]{40}\b|\bsntry[su]_[A-Za-z0-9+/=_-]{16,}|\bfigd_[A-Za-z0-9_-]{16,}"),
    (All, &["sq0", "eaa", ":aa"], r"\bsq0(?:atp|csp|idp)-[A-Za-z0-9_-]{16,}|\bEAA[A-Z][A-Za-z0-9]{24,}|\b\d{8,10}:AA[A-Za-z0-9_-]{30,}"),
    (All, &["akcp", "cmvmdgtuoj", "q~"], r"\bAKCp[A-Za-z0-9]{20,}|\bcmVmdGtuOj[A-Za-z0-9+/=]{20,}|[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{30,}"),
    (All, &["k10"], r"\bK10[a-f0-9]{20,}::[a-z]+:\S+"),
    (Between, &["x-amz-", "x-goog-", "sig=", "code=", "key=", "access_token="], r#"(?i)([?&](?:x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|sig|code|key|access_token)=)[^&\s"']+()"#),
];

/// Finds which patterns are worth a try.
static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = SHAPES.iter().flat_map(|(_, words, _)| *words);
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
});

/// The pattern that each word is of.
static PATTERN_OF: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let words = SHAPES.iter().enumerate();
    words.flat_map(|(at, (_, words, _))| std::iter::repeat_n(at, words.len())).collect()
});

/// The patterns, each made when it is first needed: most never are.
static PATTERNS: LazyLock<Vec<OnceLock<Option<Regex>>>> =
    LazyLock::new(|| SHAPES.iter().map(|_| OnceLock::new()).collect());

/// The text without what looks like a secret.
pub(super) fn without(text: &str) -> Cow<'_, str> {
    let Some(words) = WORDS.as_ref() else { return MARK.into() };
    let found = words.find_overlapping_iter(text).map(|found| found.pattern().as_usize());
    let worth: BTreeSet<usize> = found.filter_map(|word| PATTERN_OF.get(word).copied()).collect();
    let mut clean = Cow::Borrowed(text);
    for at in worth {
        let (how, _, pattern) = SHAPES[at];
        let Some(shape) = PATTERNS[at].get_or_init(|| Regex::new(pattern).ok()) else {
            return MARK.into();
        };
        if let Cow::Owned(less) = shape.replace_all(&clean, |found: &Captures<'_>| put(how, found))
        {
            clean = less.into();
        }
    }
    match without_chance(&clean) {
        Some(less) => less.into(),
        None => clean,
    }
}

/// The text without long words that look like chance; none where there are none.
fn without_chance(text: &str) -> Option<String> {
    let mut clean: Option<String> = None;
    let mut end = 0;
    for (begin, word) in long_words(text) {
        if is_random(word) {
            let clean = clean.get_or_insert_default();
            *clean += &text[end..begin];
            *clean += MARK;
            end = begin + word.len();
        }
    }
    clean.map(|clean| clean + &text[end..])
}

/// Words of letters, digits and what base64 has beside them that are long enough to be keys.
fn long_words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let joins = |c: char| c.is_ascii_alphanumeric() || "+/_-=".contains(c);
    let mut rest = 0;
    text.split(move |c| !joins(c)).filter_map(move |word| {
        let begin = rest;
        rest += word.len();
        // What ended the word.
        rest += text[rest..].chars().next().map_or(0, char::len_utf8);
        (word.len() >= LONG).then_some((begin, word))
    })
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
    fn every_pattern_is_one_and_its_words_are_in_small_letters() {
        assert!(WORDS.is_some());
        for (_, words, pattern) in SHAPES {
            Regex::new(pattern).unwrap();
            assert!(!words.is_empty(), "{pattern}");
            assert!(words.iter().all(|word| !word.contains(|c: char| c.is_ascii_uppercase())));
        }
    }

    #[test]
    fn words_of_chance_go_and_what_stands_around_them_stays() {
        let key = "wJalrXUtnFEMIK7MDENGbPxRfiCY7Xa2PLqKEYq8";
        assert_eq!(without(&format!("ä {key}, ü {key}")), "ä [redacted], ü [redacted]");
        let digest = format!("a@sha256:{}", "0f".repeat(32));
        assert_eq!(without(&digest), digest);
    }
}
