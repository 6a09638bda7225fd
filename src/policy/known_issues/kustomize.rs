//! What kustomize says when something well known is wrong.

use super::KnownIssue;
use crate::event::Safety;
use crate::policy::Class;
use crate::policy::tool::Tool;

const KUSTOMIZE: &[Tool] = &[Tool::Kustomize];

/// The rows of kustomize. The first that matches wins.
pub(super) const ISSUES: &[KnownIssue] = &[
    KnownIssue {
        code: "KUSTOMIZATION_MISSING",
        tools: KUSTOMIZE,
        pattern: r"unable to find one of 'kustomization\.yaml'|error: must build at directory: ",
        class: Class::Config,
        cause: "there is no kustomization at `kustomize` of the `[[deploy]]`",
        fix: ("name the folder that holds kustomization.yaml", Safety::Safe),
    },
    KnownIssue {
        code: "KUSTOMIZATION_INVALID",
        tools: KUSTOMIZE,
        pattern: r"security; file '(?P<outside>[^']+)' is not in or below '(?P<root>[^']+)'",
        class: Class::Config,
        cause: "`{outside}` is outside of the folder of the kustomization, which may use only what is below it",
        fix: ("move the file below {root}, or make its folder a kustomization", Safety::Safe),
    },
    KnownIssue {
        code: "KUSTOMIZATION_INVALID",
        tools: KUSTOMIZE,
        pattern: r"accumulating resources from '(?P<from>[^']+)': .*(?P<why>no such file or directory)",
        class: Class::Config,
        cause: "`{from}`, which the kustomization names, is not there",
        fix: ("correct `resources` in kustomization.yaml", Safety::Safe),
    },
    KnownIssue {
        code: "KUSTOMIZATION_INVALID",
        tools: KUSTOMIZE,
        pattern: r"must specify --enable-helm",
        class: Class::Config,
        cause: "the kustomization renders a Helm chart, which mlup does not let it do",
        fix: ("deploy the chart with `helm` in a `[[deploy]]` of its own", Safety::Safe),
    },
    KnownIssue {
        code: "KUSTOMIZATION_INVALID",
        tools: KUSTOMIZE,
        pattern: r"^error: (?P<why>(invalid kustomization|accumulating resources|no resource matches|trouble configuring|no matches for|json|yaml|merging|may not add|map\[).*)$",
        class: Class::Config,
        cause: "the kustomization does not build: {why}",
        fix: ("kubectl kustomize ...   # the folder; and correct what it names", Safety::Safe),
    },
];
