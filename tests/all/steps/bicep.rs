//! Templates with the Microsoft Graph extension, which the compiler at hand doesn't know: by a grammar of Bicep,
//! compiled with a name put into what is Graph's, and by what they read.

use crate::support::Folder;
use crate::support::tools::root;
use std::io::Write;
use std::path::Path;
use std::process::Command;
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

/// The file as far as the compiler at hand goes: its types have a name, and no extension is needed.
fn without_graph(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut is_graphs = false;
    let mut given = text.lines().filter(|line| !line.starts_with("extension ")).peekable();
    while let Some(line) = given.next() {
        is_graphs |= line.contains("'Microsoft.Graph/");
        lines.push(line.to_owned());
        if is_graphs && line.ends_with('{') {
            is_graphs = false;
            let is_named = given.peek().is_some_and(|next| next.trim_start().starts_with("name:"));
            lines.extend((!is_named).then(|| "  name: 'graph'".to_owned()));
        }
    }
    lines.join("\n") + "\n"
}

/// Compiles the templates of `folder`; what the compiler says of each that it refuses.
fn refused(compiler: &Path, folder: &Path) -> Vec<String> {
    let compile = |file: &&str| {
        let mut command = Command::new("node");
        let output = command.arg(compiler).arg("build").arg(folder.join(file)).arg("--stdout");
        let output = output.output().unwrap();
        (!output.status.success()).then(|| String::from_utf8(output.stderr).unwrap())
    };
    FILES.iter().filter_map(compile).collect()
}

#[test]
fn the_rest_of_every_template_compiles() {
    let compiler = root().join("../shared/tools/bicep2arm/bicep2arm.mjs");
    if !compiler.exists() {
        let text = "left out: templates of step 1 compiled, which needs ../shared/tools";
        let _ = writeln!(std::io::stderr(), "{text}");
        return;
    }
    let folder = Folder::new();
    for below in ["steps", "generated"] {
        std::fs::create_dir(folder.path().join(below)).unwrap();
    }
    let permissions = "generated/permissions.json";
    std::fs::write(folder.path().join(permissions), read(permissions)).unwrap();
    for file in FILES {
        std::fs::write(folder.path().join(file), without_graph(&read(file))).unwrap();
    }

    assert_eq!(refused(&compiler, folder.path()), [""; 0]);
    let misspelt = without_graph(&read(FILES[0])).replace("permissions.act", "permission.act");
    std::fs::write(folder.path().join(FILES[0]), misspelt).unwrap();
    assert_eq!(refused(&compiler, folder.path()).len(), 1, "the check has turned silent");
}
