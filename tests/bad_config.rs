//! Everything that can be wrong in the configuration: exit 3, the place, the fix, and no tool was
//! called at all. What can be wrong in the world is `bad_world`.

use crate::support::{Ran, Sandbox};

/// Asserts the code and that the message holds every one of these.
#[track_caller]
pub(crate) fn refuses(ran: &Ran, code: i32, says: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}", ran.report());
    for words in says {
        assert!(ran.stderr.contains(words), "`{words}` is missing in:\n{}", ran.stderr);
    }
    assert!(!ran.stderr.contains('\u{1b}'), "colour in a pipe:\n{}", ran.stderr);
}

/// A sandbox without any tool: what is called anyway is not found.
fn no_tools(config: &str) -> Sandbox {
    Sandbox::new().file("mlup.toml", config)
}

#[test]
fn no_configuration_says_where_it_looked_and_how_to_begin() {
    let sandbox = Sandbox::new();
    refuses(&sandbox.run(&["start"]), 3, &["mlup.toml", "help:"]);
}

#[test]
fn broken_toml_names_line_and_column() {
    let sandbox = no_tools("name = \"demo\"\n[[check]\nname = \"x\"\n");
    refuses(&sandbox.run(&["start"]), 3, &["mlup.toml:2:", "[[check]", "^"]);
}

#[test]
fn unknown_key_has_a_suggestion() {
    let sandbox =
        no_tools("name = \"demo\"\n\n[[check]]\nname = \"x\"\nhtpp = \"http://localhost:1\"\n");
    refuses(&sandbox.run(&["start"]), 3, &["mlup.toml:5:1", "htpp", "did you mean `http`"]);
}

#[test]
fn wrong_type_is_underlined() {
    let sandbox = no_tools("name = \"demo\"\n[[check]]\nname = \"x\"\ntcp = 5432\n");
    refuses(&sandbox.run(&["start"]), 3, &["mlup.toml:4:7", "tcp = 5432", "^^^^"]);
}

#[test]
fn all_mistakes_are_told_in_one_pass() {
    let sandbox = no_tools("name = \"demo\"\ndeadlin = \"1m\"\n[[check]]\nname = \"x\"\ntcp = 5\n");
    refuses(&sandbox.run(&["start"]), 3, &["mlup.toml:2:1", "mlup.toml:5:7"]);
}

#[test]
fn unset_variable_names_variable_message_and_line() {
    let text =
        "name = \"demo\"\n[[check]]\nname = \"x\"\nhttp = \"${API_URL:?the address of the API}\"\n";
    refuses(
        &no_tools(text).run(&["start"]),
        3,
        &["mlup.toml:4:", "API_URL", "the address of the API"],
    );
}

#[test]
fn missing_env_file_is_named() {
    let sandbox = no_tools("name = \"demo\"\nenv_file = \"prod.env\"\n");
    refuses(&sandbox.run(&["start"]), 3, &["mlup.toml:2:", "prod.env"]);
}

#[test]
fn required_variables_are_all_named_at_once() {
    let sandbox = no_tools("name = \"demo\"\nrequire = [\"ALPHA_KEY\", \"BETA_KEY\"]\n");
    refuses(&sandbox.run(&["start"]), 3, &["ALPHA_KEY", "BETA_KEY"]);
}

#[test]
fn dependency_cycle_is_named_whole() {
    let text = "name = \"demo\"\n\
        [[task]]\nname = \"a\"\nrun = [\"true\"]\nneeds = [\"task/b\"]\n\
        [[task]]\nname = \"b\"\nrun = [\"true\"]\nneeds = [\"task/a\"]\n";
    refuses(&no_tools(text).run(&["start"]), 3, &["`task/a` needs `task/b` needs `task/a`"]);
}

#[test]
fn two_checks_of_one_name_are_both_shown() {
    let text = "name = \"demo\"\n[[check]]\nname = \"x\"\ntcp = \"localhost:1\"\n\
        [[check]]\nname = \"x\"\ntcp = \"localhost:2\"\n";
    refuses(&no_tools(text).run(&["start"]), 3, &["mlup.toml:6:", "mlup.toml:3", "`x`"]);
}

#[test]
fn unknown_profile_lists_those_that_exist() {
    let sandbox = no_tools("name = \"demo\"\n").file("profiles/laptop.toml", "");
    refuses(&sandbox.run(&["start", "-p", "labtop"]), 3, &["labtop", "laptop", "compose"]);
}

#[test]
fn a_k3s_without_a_machine_is_refused_before_anything_is_asked() {
    let text = "name = \"demo\"\n[cluster]\nprovider = \"k3s\"\ntunnel = true\n";
    refuses(&no_tools(text).run(&["start"]), 3, &["mlup.toml:", "`k3s` has no `host`"]);
}

#[test]
fn memory_below_the_tools_minimum_is_refused_before_anything_is_asked() {
    let text = "name = \"demo\"\n[cluster]\nprovider = \"minikube\"\nmemory = \"1g\"\n";
    refuses(&no_tools(text).run(&["start"]), 3, &["mlup.toml:4:", "1800 MiB"]);
}

#[test]
fn configuration_of_later_sections_is_checked_already() {
    let text = "name = \"demo\"\n[cluster]\nprovider = \"minikub\"\n";
    refuses(&no_tools(text).run(&["config", "check"]), 3, &["mlup.toml:3:", "minikube"]);
}

#[test]
fn unknown_step_is_a_usage_error_with_a_suggestion() {
    let text = "name = \"demo\"\n[[task]]\nname = \"seed\"\nrun = [\"true\"]\n";
    refuses(&no_tools(text).run(&["start", "task/sede"]), 2, &["task/sede", "task/seed"]);
}

#[test]
fn a_secret_on_a_command_line_is_refused() {
    let text = "name = \"demo\"\n[[task]]\nname = \"t\"\nrun = [\"login\", \"${DB_PASSWORD}\"]\n";
    let sandbox = no_tools(text).env("DB_PASSWORD", "canary-5d1f");
    let ran = sandbox.run(&["start"]);
    refuses(&ran, 3, &["mlup.toml:4:", "DB_PASSWORD", "env"]);
    assert!(!ran.stderr.contains("canary-5d1f"), "{}", ran.stderr);
}
