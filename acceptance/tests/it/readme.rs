//! The README's commands are the two that are run by everyone who checks this repository.

const COMMANDS: &[&str] = &["cargo quickstart", "cargo verify"];

#[test]
fn the_readmes_command_blocks_are_the_two_commands() {
    let text = std::fs::read_to_string(super::workspace().join("README.md")).unwrap();
    let blocks: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
    let shell = blocks.iter().filter_map(|block| block.strip_prefix("sh\n"));
    let commands: Vec<&str> = shell.flat_map(str::lines).filter(|line| !line.is_empty()).collect();
    assert_eq!(commands, COMMANDS);
}

#[test]
fn both_commands_are_cargo_aliases() {
    let config = std::fs::read_to_string(super::workspace().join(".cargo/config.toml")).unwrap();
    for command in COMMANDS {
        let alias = command.strip_prefix("cargo ").unwrap();
        assert!(config.contains(&format!("{alias} = \"run ")), "{alias}");
    }
}
