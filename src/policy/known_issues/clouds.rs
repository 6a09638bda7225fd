//! What the command lines of clouds say instead of a registry's password.

use super::KnownIssue;
use crate::event::Safety;
use crate::policy::Class;
use crate::policy::tool::Tool;

const AWS: &[Tool] = &[Tool::Aws];
const AZ: &[Tool] = &[Tool::Az];
const GCLOUD: &[Tool] = &[Tool::Gcloud];

/// The rows of `az`, `gcloud` and `aws`. The first that matches wins.
pub(super) const ISSUES: &[KnownIssue] = &[
    KnownIssue {
        code: "CLOUD_LOGIN_NEEDED",
        tools: AZ,
        pattern: r"please run '?az login'?|aadsts(70043|700082|50173|50078|50076)|interactive authentication is needed|az login --",
        class: Class::Prerequisite,
        cause: "the login to Azure is missing or has expired",
        fix: ("az login", Safety::Safe),
    },
    KnownIssue {
        code: "CLOUD_LOGIN_NEEDED",
        tools: AZ,
        pattern: r"aadsts7000222|aadsts7000215",
        class: Class::Prerequisite,
        cause: "the client secret of the service principal has expired or is wrong",
        fix: (
            "az ad app credential reset --id ...   # the application; then az login",
            Safety::Safe,
        ),
    },
    KnownIssue {
        code: "ACR_ADMIN_DISABLED",
        tools: AZ,
        pattern: r"run 'az acr update -n (?P<registry>[\w-]+) --admin-enabled true'",
        class: Class::Prerequisite,
        cause: "the admin account of the registry `{registry}` is switched off",
        fix: ("az acr update -n {registry} --admin-enabled true", Safety::Safe),
    },
    KnownIssue {
        code: "ACR_UNKNOWN",
        tools: AZ,
        pattern: r"the resource with name '(?P<registry>[^']+)' and type 'microsoft\.containerregistry/registries' could not be found in subscription '(?P<subscription>[^']+)'",
        class: Class::Prerequisite,
        cause: "the subscription `{subscription}` has no registry `{registry}`",
        fix: ("az account list -o table   # then az account set --subscription NAME", Safety::Safe),
    },
    KnownIssue {
        code: "CLOUD_LOGIN_NEEDED",
        tools: GCLOUD,
        pattern: r"do not currently have an active account selected|does not have any valid credentials|there was a problem refreshing your current auth tokens|reauthentication (failed|required)",
        class: Class::Prerequisite,
        cause: "the login to Google Cloud is missing or has expired",
        fix: ("gcloud auth login", Safety::Safe),
    },
    KnownIssue {
        code: "CLOUD_LOGIN_NEEDED",
        tools: AWS,
        pattern: r"unable to locate credentials|error loading sso token|the sso session associated with this profile has expired|\(expiredtoken(exception)?\)|token has expired and refresh failed",
        class: Class::Prerequisite,
        cause: "the login to AWS is missing or has expired",
        fix: ("aws sso login   # or aws configure", Safety::Safe),
    },
];
