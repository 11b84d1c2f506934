//! Templates with the Microsoft Graph extension, which the compiler at hand doesn't know, by a grammar of
//! Bicep; and their permissions, by what they read.

use crate::support::tools::root;
use tree_sitter::{Node, Parser};

const FILES: [&str; 3] = ["identity.bicep", "registration.bicep", "steps/app-roles.bicep"];

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join("infra").join(file)).unwrap()
}

/// The tree of a file. The grammar is older than the `extension` line.
fn tree(text: &str) -> tree_sitter::Tree {
    let lines = text.lines().map(|line| if line.starts_with("extension ") { "" } else { line });
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_bicep::LANGUAGE.into()).unwrap();
    parser.parse(text, None).unwrap()
}

fn children<'a>(node: Node<'a>) -> Vec<Node<'a>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

#[test]
fn every_template_of_step_one_parses() {
    for file in FILES {
        assert!(!tree(&read(file)).root_node().has_error(), "{file}");
    }
    assert!(
        tree("param name string = ").root_node().has_error(),
        "the grammar refuses what is wrong"
    );
}

#[test]
fn every_parameter_and_output_is_described() {
    for file in FILES {
        let text = read(file);
        let tree = tree(&text);
        let nodes = children(tree.root_node());
        for pair in nodes.windows(2) {
            let (before, node) = (pair[0], pair[1]);
            let is_parameter = node.kind() == "parameter_declaration";
            if !is_parameter && node.kind() != "output_declaration" {
                continue;
            }
            let line = text.lines().nth(node.start_position().row).unwrap();
            assert_eq!(before.kind(), "decorators", "{file}: {line}");
            let first = text.lines().nth(before.start_position().row).unwrap();
            let word = ["@description('Required. ", "@description('Optional. "];
            let is_described = match is_parameter {
                true => word.iter().any(|word| first.starts_with(word)),
                false => first.starts_with("@description('"),
            };
            assert!(is_described, "{file}: {line}");
        }
    }
}

#[test]
fn no_permission_is_written_twice() {
    let permissions = posture::permissions::json().to_string();
    for file in FILES {
        for word in read(file).split(|c: char| !c.is_ascii_hexdigit() && c != '-') {
            assert!(
                word.len() != 36 || !permissions.contains(word),
                "{file} has {word} of its own"
            );
        }
    }
    for file in ["identity.bicep", "registration.bicep"] {
        assert!(read(file).contains("loadJsonContent('generated/permissions.json')"), "{file}");
    }
}
