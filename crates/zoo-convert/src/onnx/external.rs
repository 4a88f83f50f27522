//! Weights that lie in a file beside the model.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use onnx_ir::TensorProto;

/// The bytes of a tensor that names the file they are in, `length` of them.
///
/// The name must be that of a regular file below `folder`, links resolved: a model cannot ask
/// for any other file. <https://onnx.ai/onnx/repo-docs/ExternalData.html>
pub(super) fn read(tensor: &TensorProto, folder: &Path, length: usize) -> Result<Bytes, String> {
    let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key);
    let location = entry("location").ok_or("it names no file of external data")?;
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(entry) => entry
            .value
            .parse::<u64>()
            .map(Some)
            .map_err(|_| format!("`{}` is no {key} of external data", entry.value)),
    };
    let offset = number("offset")?.unwrap_or(0);
    if number("length")?.is_some_and(|given| given != length as u64) {
        return Err(format!("its external data must be {length} bytes long"));
    }
    let path = resolve(folder, &location.value)?;
    let failed = |error| format!("cannot read its external data in {}: {error}", path.display());
    let mut file = File::open(&path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    // Checked before the buffer is made, which would otherwise be as large as the file wishes.
    let end = offset.checked_add(length as u64);
    if !metadata.is_file() || end.is_none_or(|end| end > metadata.len()) {
        return Err(format!("its external data goes beyond the end of {}", path.display()));
    }
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    file.read_exact(&mut bytes).map_err(failed)?;
    Ok(bytes.into())
}

fn resolve(folder: &Path, location: &str) -> Result<PathBuf, String> {
    let refused = || {
        format!(
            "its external data is to come from `{location}`, which is not below the model's folder"
        )
    };
    let relative = Path::new(location);
    let plain =
        relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if location.is_empty() || location.contains(['\0', '\\']) || !plain {
        return Err(refused());
    }
    // The folder of a bare file name is the empty path, which means the current one.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |error| format!("cannot find its external data `{location}`: {error}");
    let folder = folder.canonicalize().map_err(failed)?;
    let path = folder.join(relative).canonicalize().map_err(failed)?;
    if path.starts_with(&folder) { Ok(path) } else { Err(refused()) }
}
