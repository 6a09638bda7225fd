//! What programs print when their own code, data or image is at fault.

use super::{Signature, application as of};

/// Words of one meaning alone: they decide first.
pub(super) static SPECIFIC: [Signature; 13] = [
    of(
        "CRASH-05",
        &["exec format error", "exec user process caused"],
        "its program is not for the node's platform",
        "build the image for the node's platform",
    )
    .code("EXEC_FORMAT"),
    of(
        "CRASH-06",
        &["cannot import name 'ColumnMapping' from 'evidently'"],
        "evidently 0.7 no longer has ColumnMapping",
        "pin `evidently<0.7` and build the image anew",
    ),
    of(
        "CRASH-09",
        &["KeyError: #", "EOFError: Ran out of input"],
        "its model was written by another version of scikit-learn or Python, or the file is no model",
        "build the image with the version of scikit-learn that wrote the model, or export the model again; see that the file is one, and no pointer of git-lfs or web page",
    )
    .among(&["pickle", "joblib"]),
    of(
        "CRASH-09",
        &[
            "InconsistentVersionWarning",
            "from the pickle has an incompatible dtype",
            "unsupported pickle protocol",
            "No module named 'sklearn.*._",
        ],
        "its model was written by another version of scikit-learn or Python",
        "build the image with the version of scikit-learn that wrote the model, or export the model again",
    ),
    of(
        "CRASH-08",
        &["Duplicated timeseries in CollectorRegistry"],
        "its module is imported twice, and registers its metrics twice",
        "start it once: `uvicorn main:app`, or `uvicorn.run(app)` in place of `uvicorn.run(\"main:app\")`",
    ),
    of(
        "SKEW-01",
        &["logged-models*404", "logged-models failed with"],
        "its MLflow client is of a newer major version than the server, which does not have this endpoint",
        "pin `mlflow` in the image to the major version of the server, and build it anew under a new tag",
    ),
    of(
        "SKEW-01",
        &["Can't locate revision identified by", "out-of-date database schema"],
        "its database has the schema of another version of the program",
        "run the version that the database belongs to, or back the database up and migrate it (`mlflow db upgrade`)",
    ),
    of(
        "CRASH-10",
        &["NameError: name '"],
        "its code names something that it does not import",
        "correct the line that the traceback ends with, and build the image anew",
    )
    .named(
        "its code uses `{}`, which it neither imports nor defines",
        "import or define `{}` before the line that the traceback ends with, and build the image anew",
    ),
    of(
        "CRASH-01",
        &[
            "was sent SIGKILL! Perhaps out of memory?",
            "java.lang.OutOfMemoryError",
            "JavaScript heap out of memory",
            "MemoryError",
            "std::bad_alloc",
            "fatal error: runtime: out of memory",
            "Cannot allocate memory",
        ],
        "it needs more memory than it may use",
        "raise `resources.limits.memory` of the container",
    ),
    of(
        "CRASH-14",
        &[
            "KeyError: \"[",
            "KeyError: ['",
            "not in index",
            "not found in axis",
            "FileNotFoundError: ",
            "columns are missing",
            "feature names should match",
            "features, but * is expecting",
            "FileNotFoundException: ",
            " Client Error: ",
        ],
        "its code does not find the data that it expects",
        "correct the data or the line that the traceback ends with",
    ),
    of(
        "CRASH-06",
        &[
            "AttributeError: module '",
            "AttributeError: type object '",
            "java.lang.NoSuchMethodError",
        ],
        "a library is of another version than its code expects",
        "pin the library's version in the image's requirements and build it anew",
    ),
    of(
        "CRASH-06",
        &["ImportError: cannot import name", "does not provide an export named"],
        "a library is of another version than its code expects",
        "pin the library's version in the image's requirements and build it anew",
    )
    .named(
        "a library is of another version than its code expects: `{}` is not in it",
        "pin the version of the library that has `{}` in the image's requirements and build it anew",
    ),
    of(
        "CRASH-07",
        &[
            "ModuleNotFoundError: ",
            "No module named ",
            "ImportError: ",
            "Cannot find module '",
            "Cannot find package '",
            "ClassNotFoundException",
            "NoClassDefFoundError",
            "error while loading shared libraries",
            "cannot open shared object file",
        ],
        "a module that its code imports is not in the image",
        "put the module, pinned, into the image's requirements and build it anew",
    )
    .named(
        "module `{}`, which its code imports, is not in the image",
        "put what has `{}`, pinned, into the image's requirements and build it anew, or correct the import",
    ),
];

/// Words of many meanings: they decide where nothing else does.
pub(super) static GENERAL: [Signature; 7] = [
    of(
        "CRASH-14",
        &["KeyError: '", "KeyError: \"", "IndexError: ", "KeyError: "],
        "its code does not find the data that it expects",
        "correct the data or the line that the traceback ends with",
    ),
    of(
        "",
        &["SyntaxError: ", "IndentationError: ", "TabError: "],
        "its code cannot be read",
        "correct the line that the log names, and build the image anew",
    ),
    of(
        "",
        &["ddress already in use", "EADDRINUSE"],
        "its port is taken: the containers of a pod share one address",
        "give each container of the pod a port of its own",
    ),
    of(
        "",
        &["CUDA out of memory", "CUDA error", "no CUDA-capable device", "libcuda.so"],
        "it does not get the GPU that it needs",
        "request a GPU, or let the program run on the CPU",
    ),
    of(
        "",
        &[
            "ConfigurationError",
            "Invalid configuration",
            "error parsing config",
            "error loading config",
            "ValidationError",
        ],
        "its configuration is not what the program takes",
        "correct the value that the line names",
    ),
    of(
        "",
        &["panic: ", "SIGSEGV", "Segmentation fault", "core dumped"],
        "its program broke off",
        "look at the frames in its log; a library built for another machine does this as well",
    ),
    of(
        "",
        &["UnicodeDecodeError", "JSONDecodeError", "UnpicklingError"],
        "it cannot read its data",
        "write the data or the model anew, or correct its path",
    ),
];
