//! What the contracts say of themselves, as Markdown.

use std::collections::HashMap;

use prost_reflect::FileDescriptor;

/// The comments of all files, by file and path in its source information.
#[derive(Default)]
pub(crate) struct Comments(HashMap<(String, Vec<i32>), String>);

impl Comments {
    pub(crate) fn of(files: impl Iterator<Item = FileDescriptor>) -> Self {
        let mut comments = Self::default();
        for file in files {
            let source = file.file_descriptor_proto().source_code_info.clone().unwrap_or_default();
            let commented = source.location.into_iter().filter_map(|location| {
                let lines = location.leading_comments?;
                let text: Vec<&str> = lines.lines().map(str::trim).collect();
                Some(((file.name().to_owned(), location.path), text.join("\n").trim().to_owned()))
            });
            comments.0.extend(commented);
        }
        comments
    }

    pub(crate) fn at(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.0.get(&(file.name().to_owned(), path.to_vec())).map_or("", String::as_str)
    }
}

/// Up to the end of the first sentence.
pub(crate) fn summary(comment: &str) -> String {
    let line = comment.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let end = line.find(". ").unwrap_or(line.len());
    line.get(..end).unwrap_or_default().trim_end_matches('.').to_owned()
}
