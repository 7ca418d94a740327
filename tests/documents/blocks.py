"""The code blocks of the documents, and which of them the tests do not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from local.home import REPOSITORY

DOCUMENTS = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for where in ("*.md", "docs/**/*.md", "clients/*/README.md", "examples/**/*.md")
    for path in REPOSITORY.glob(where)
    if "node_modules" not in path.parts
)
_BLOCK = re.compile(r"^( *)```([^\n`]*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r'title="([^"]+)"')
# A block without a language is a drawing, a frame or what a program prints. These begin commands.
_COMMANDS = re.compile(
    r"^\s*(\$ |\./|aws |cd |cp |curl |docker |export |git |make |node |npm |npx |parley |pip|python|sam )", re.MULTILINE
)


class Block(NamedTuple):
    """A block of a page: the number of its first line, its language, the file that it is, if any, and its text."""

    page: str
    line: int
    language: str
    title: str
    text: str

    @property
    def first(self) -> str:
        return self.text.strip().partition("\n")[0].strip()

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str, text: str = "") -> Iterator[Block]:
    """The blocks of a page, in its order."""
    text = text or (REPOSITORY / page).read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        indent, words, code = found.groups()
        title = _TITLE.search(words)
        code = re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
        language = words.split()[0] if words.strip() else ""
        yield Block(page, text.count("\n", 0, found.start()) + 2, language, title[1] if title else "", code)


def is_shown_only(block: Block) -> bool:
    """Whether a block is no program: a drawing, frames, a request, a program's output."""
    return block.language in ("", "text", "http") and not is_output(block) and not _COMMANDS.search(block.text)


def is_output(block: Block) -> bool:
    """Whether a block says what the ones before it print."""
    return block.title == "Output"


_CHECKOUT = "it would build and deploy: rehearsal/ plays that"
_ACCOUNT = "it needs an AWS account"
_INSTALLS = "it installs packages, which this machine has already"
# Blocks that are not run, by page and first line, and why.
NOT_RUN = {
    ("README.md", "make run      # runs the whole service on http://127.0.0.1:8080 and prints how to use it"): (
        "it runs this test; tests/end_to_end/test_newcomer.py follows what `make run` prints"
    ),
    ("README.md", "make build && sam deploy --guided"): _CHECKOUT,
    ("docs/cli.md", "pipx install ."): "tests/cli/test_package.py installs the package",
    (
        "docs/cli.md",
        "parley phones list                                # every number of the account, and which are enabled",
    ): ("tests/cli/test_phones.py tries each command"),
    ("docs/deploying.md", "make build && sam deploy --guided"): _CHECKOUT,
    ("docs/deploying.md", "./parley --stack <stack> doctor         # checks the whole service"): _ACCOUNT,
    ("docs/deploying.md", "make console STACK=parley"): _ACCOUNT,
    (
        "docs/deploying.md",
        "aws cloudformation deploy --template-file templates/key.yaml --stack-name parley-key",
    ): _ACCOUNT,
    ("docs/deploying.md", "aws dynamodb update-table --table-name $TABLE --deletion-protection-enabled \\"): _ACCOUNT,
    (
        "docs/deploying.md",
        "make build && sam deploy --parameter-overrides TableName=$TABLE TableStreamArn=<ARN> AccountSid=$OLD",
    ): _ACCOUNT,
    ("docs/deploying.md", "aws secretsmanager put-secret-value --secret-id <new> --secret-string \\"): _ACCOUNT,
    (
        "docs/guides/first-text.md",
        "make build && sam deploy --parameter-overrides Phones=true SmsCountries=US",
    ): _ACCOUNT,
    (
        "docs/guides/first-text.md",
        "out() { aws cloudformation describe-stacks --stack-name $STACK --query \"Stacks[0].Outputs[?OutputKey=='$1'].OutputValue\" --output text; }",
    ): _ACCOUNT,
    ("docs/guides/first-text.md", "api $URL/Conversations/$CH/Messages | jq '.messages[] | {author, body}'"): _ACCOUNT,
    ("docs/guides/quickstart.md", "make run"): "it runs beside this test",
    ("docs/local.md", "curl -u $ACCOUNT_SID:$AUTH_TOKEN $REST_URL/_push/phones"): (
        "no phone was told anything yet; tests/local/phones does what each command does"
    ),
    ("docs/operating.md", "git pull && make build && sam deploy"): _ACCOUNT,
    ("docs/operating.md", "git checkout <release> && make build && sam deploy"): _ACCOUNT,
    (
        "docs/operating.md",
        "aws dynamodb restore-table-to-point-in-time --source-table-name <TableName> --target-table-name <new name> \\",
    ): _ACCOUNT,
    (
        "docs/operating.md",
        "URL=$(aws cloudformation describe-stack-resource --stack-name <stack> --logical-resource-id WorkDeadLetterQueue \\",
    ): _ACCOUNT,
    (
        "docs/operating.md",
        "aws cloudformation describe-stacks --stack-name <stack> --query 'Stacks[0].Outputs'",
    ): _ACCOUNT,
    (
        "docs/webhooks.md",
        "./parley webhooks list                     # the parked deliveries on this machine, oldest first; --json prints all details, one delivery a line",
    ): "it replays what other tests have parked; tests/cli/test_webhooks.py tries each command",
    ("docs/unchecked.md", "export STACK=parley"): _ACCOUNT,
}
# Commands that are left out of their blocks, because they end only with Ctrl-C.
ENDLESS = {"parley logs -f": "tests/cli/test_logs.py follows a log"}
# Nothing here compiles these: neither a runner of the tests nor a newcomer's machine has their compilers and libraries.
# Their brackets and quotes must have partners.
UNRUN_LANGUAGES = {"csharp", "go", "java", "kotlin", "php", "ruby", "swift"}
# Blocks that another test runs or writes, by page and language.
RUN_ELSEWHERE = {
    ("docs/cli.md", "console"): "tests/cli/test_document.py compares what the commands print",
    ("examples/react-chat/README.md", "sh"): "tests/examples/test_react.py starts and uses it",
    ("examples/react-twilio-sdk/README.md", "sh"): "tests/examples/test_react.py starts and uses it",
    **{
        (page, block.language): "tests/rest/test_reference.py compares what the examples ask for with recorded requests"
        for page in DOCUMENTS
        if page.startswith("docs/reference/")
        for block in blocks(page)
        if block.language in ("sh", "python")
    },
}
