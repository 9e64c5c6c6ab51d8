"""rawtune.yaml as pydantic models: every field documented, unknown keys refused."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from rawtune.config.recipes import RECIPES
from rawtune.records import Severity

Share = Annotated[float, Field(ge=0, le=1)]
DatasetFormat = Literal[
    "csv", "tsv", "jsonl", "parquet", "alpaca", "sharegpt", "messages", "chatglm3", "chatglm3-chat", "hf"
]
Allowed = Literal["not shown", "recited", "gap", "forgetting", "drift", "loops", "collapse", "remnants", "empty"]
QuestionKind = Literal["what", "why", "compare", "apply", "reverse", "follow_up", "unanswerable"]


class Section(BaseModel):
    """A part of rawtune.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Passages(Section):
    """How raw text becomes passages."""

    max_tokens: int = Field(512, ge=16, description="A longer sample is split at sentence ends (estimated tokens).")
    held_out: float = Field(
        0.1, ge=0, lt=1, description="Share of passages never trained on; frozen when a passage is first read."
    )


class Price(Section):
    """What the endpoint charges."""

    input: float = Field(ge=0, description="Per million prompt tokens.")
    output: float = Field(ge=0, description="Per million reply tokens.")
    currency: str = Field("USD", description="Named wherever money is shown.")


class Teacher(Section):
    """The model that writes rows from passages."""

    model: str = Field(
        "embedded:smollm2",
        description="embedded:smollm2 | openai:NAME | langchain:PROVIDER:NAME | 'scripted:' (in quotes)",
    )
    base_url: str | None = Field(None, description="Any OpenAI-compatible endpoint; default is api.openai.com.")
    api_key_env: str | None = Field(
        None, description="The environment variable with the key; default OPENAI_API_KEY, or LangChain's own."
    )
    temperature: float | None = Field(0.3, ge=0, le=2, description="0 repeats itself, 1 varies.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus sampling; null leaves the endpoint's default.")
    max_tokens: int | None = Field(800, ge=1, description="Longest reply, in tokens.")
    seed: int | None = Field(None, ge=-(2**63), lt=2**63, description="For endpoints that honour one.")
    stop: tuple[str, ...] = Field((), description="Strings at which the reply ends.")
    reply_format: Literal["auto", "json_schema", "json_object", "text"] = Field(
        "auto", description="auto finds out once what the endpoint can hold to, the strictest first."
    )
    concurrency: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        "auto", description="Calls in flight at most; auto grows for as long as the endpoint keeps pace."
    )
    requests_per_minute: int | None = Field(None, ge=1, description="Never more than this in any minute.")
    tokens_per_minute: int | None = Field(None, ge=1, description="Of prompts and replies, in any minute.")
    timeout: float = Field(120, gt=0, description="Seconds until one call is given up.")
    attempts: int = Field(5, ge=1, description="Tries per call before the passage counts as failed.")
    price: Price | None = Field(None, description="Per million tokens; null looks the model up in the price table.")

    @field_validator("model")
    @classmethod
    def _known_kind(cls, value: str) -> str:
        kind, _, name = value.partition(":")
        wanted = {"embedded": name, "openai": name, "langchain": name.partition(":")[2], "scripted": kind}
        if not wanted.get(kind):
            raise ValueError(
                "write embedded:smollm2, openai:NAME, langchain:PROVIDER:NAME or scripted:"
                " (a served model of any maker is openai:NAME with base_url)"
            )
        return value


def _can_judge(value: str | None) -> str | None:
    return value if value in (None, "teacher") else Teacher.model_validate({"model": value}).model


Judge = Annotated[str | None, AfterValidator(_can_judge)]
"""``teacher`` is the project's own, else named like it."""


class WorkedExample(Section):
    """The prompt's second part: a passage and the row it should become."""

    passage: str
    concept: str
    answer: str


class Prompt(Section):
    """The prompt's first two parts; the third, the response format, follows from ``columns``."""

    task: str | None = Field(None, description="What the teacher should do; default is packaged per language.")
    example: WorkedExample | None = Field(None, description="One worked example; default is packaged per language.")


class Synthesis(Section):
    """The loop over all passages."""

    pilot: int = Field(3, ge=0, description="Passages done and shown first; 0 for none.")
    repeats: int = Field(2, ge=0, description="How often a reply with a fault is asked again, the fault named.")
    max_quarantined: Share = Field(0.2, description="Above this share of quarantined passages the run stops.")
    confirm_above: float | None = Field(
        5, ge=0, description="Ask before spending more than this, by the forecast; in the price's currency."
    )
    budget: float | None = Field(
        None, ge=0, description="Never spend more than this on the project's calls, failed ones included."
    )


class Verification(Section):
    """The rules that every row must keep; `rawtune check --explain all` lists them."""

    select: tuple[str, ...] = Field(("RT",), description="Codes, or their beginnings: RT2 is every rule of grounding.")
    ignore: tuple[str, ...] = Field((), description="Codes, or their beginnings, that are left out.")
    severity: dict[str, Severity] = Field(
        {}, description="Code to error (the row is put in quarantine) or warning (it is kept, and listed)."
    )
    options: dict[str, dict[str, Any]] = Field(
        {}, description="Code to settings of that rule, such as {RT109: {longest_answer: 4000}}."
    )
    judge: Judge = Field(
        None, description="teacher, or another model named like it, to judge each row twice against its passage."
    )


class Dataset(Section):
    """What the dataset is written in."""

    formats: tuple[DatasetFormat, ...] = Field(
        ("csv",), description=f"Of {', '.join(get_args(DatasetFormat))}; the CSV is always there."
    )


class Augmentation(Section):
    """How one row becomes many."""

    templates: str | None = Field(
        None, description="A YAML file with `train` and `held_out` questions with {concept}; default is packaged."
    )
    variants: int = Field(20, ge=1, description="Questions that each row is trained with, drawn evenly over families.")
    per_concept: int | None = Field(
        None, ge=1, description="Training questions of one concept at most, however many passages speak of it."
    )
    written: int = Field(0, ge=0, le=100, description="Templates that the teacher is to write besides those.")
    faq: str | None = Field(None, description="Your users' questions, one a line: what the teacher's are to be like.")
    draw: Literal["written_out", "per_epoch"] = Field(
        "written_out", description="written_out trains all questions in every epoch; per_epoch one of each answer."
    )

    ask_answerable: bool = Field(
        False, description="Ask the teacher which templates, but for packaged ones, the answers do not answer."
    )
    kinds: tuple[QuestionKind, ...] = Field(
        (), description=f"Questions that the teacher makes of each passage: {', '.join(get_args(QuestionKind))}."
    )
    personas: tuple[str, ...] = Field((), description="In whose words these are asked, in turn: [a new employee].")
    answers: int = Field(1, ge=1, le=10, description="Wordings of each answer that its questions share out evenly.")

    @model_validator(mode="after")
    def _questions_for_the_teacher(self) -> "Augmentation":
        if self.faq and not self.written:
            raise ValueError("faq needs written: how many templates the teacher is to write after these questions")
        if self.personas and not self.kinds:
            raise ValueError("personas needs kinds: which questions the teacher is to make in their words")
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError("kinds names one of them twice")
        return self


class Training(Section):
    """LoRA or QLoRA fine-tuning."""

    recipe: Literal["seed", "t4", "gpu24", "cpu", "tiny-data"] = Field(
        "seed", description="Decides the lines below that begin with #; a line that you uncomment wins over it."
    )
    device: Literal["auto", "cpu", "cuda", "mps", "npu"] = Field(
        "auto", description="auto is the first there is of cuda, npu, mps and cpu."
    )
    processes: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        1, description="One drives one GPU; auto is one for each GPU. They share the rows of a step."
    )
    sharding: Literal["none", "fsdp", "zero2"] = Field(
        "none", description="fsdp shares the model's weights out over the processes, zero2 gradients and optimiser."
    )
    quantise: Literal["none", "nf4"] = Field("none", description="nf4 is QLoRA: 4-bit base weights, double quantised.")
    rank: int = Field(16, ge=1, description="LoRA r.")
    alpha: int = Field(32, ge=1, description="LoRA alpha.")
    dropout: float = Field(0.05, ge=0, lt=1, description="LoRA dropout.")
    learning_rate: float = Field(1e-3, gt=0)
    epochs: int = Field(3, ge=1)
    batch_size: int = Field(8, ge=1, description="Rows per step.")
    micro_batch_size: int | None = Field(None, ge=1, description="Rows at once; the rest of a batch is accumulated.")
    gradient_checkpointing: bool = Field(False, description="Less memory for about a fourth more time.")
    warmup: Share = Field(0.1, description="Share of steps with rising learning rate, then linear decay.")
    max_input_tokens: int = Field(512, ge=8)
    max_output_tokens: int = Field(1536, ge=8)
    max_cut: Share = Field(0.05, description="Above this share of answers cut at max_output_tokens nothing is trained.")
    replay: float = Field(
        0.0, ge=0, le=0.5, description="Share of all rows: the base model's own answers to general questions, mixed in."
    )
    stopping: bool = Field(
        False, description="Check every half epoch on held-out phrasings; end when enough is learnt, keep the best."
    )
    checkpoint_steps: int = Field(10, ge=1, description="A checkpoint every so many steps.")
    seed: int = Field(0, ge=0, lt=2**32, description="Of the adapter's first weights and the order of rows.")
    report_to: tuple[Literal["tensorboard", "wandb", "swanlab", "mlflow"], ...] = Field(
        (), description="Who may watch; wandb, swanlab and mlflow may send what they see off this machine."
    )

    @model_validator(mode="before")
    @classmethod
    def _by_recipe(cls, given: Any) -> Any:
        """What is not given is as the recipe has it; from here on settings are plain values."""
        recipe = RECIPES.get(str(given.get("recipe", "seed")), {}) if isinstance(given, dict) else {}
        return {**recipe, **given} if recipe else given

    @model_validator(mode="after")
    def _whole_micro_batches(self) -> "Training":
        if self.micro_batch_size and self.batch_size % self.micro_batch_size:
            raise ValueError("micro_batch_size must divide batch_size")
        if self.processes != "auto" and self.batch_size % (self.processes * (self.micro_batch_size or 1)):
            raise ValueError("processes, times micro_batch_size if that is set, must divide batch_size")
        return self


class Comparison(Section):
    """Base, tuned model and others on the same questions."""

    max_new_tokens: int = Field(256, ge=1, description="Longest answer, in tokens.")
    batch_size: int = Field(16, ge=1, description="Questions answered at once.")
    seen: int = Field(50, ge=0, description="Trained questions that are asked, too: one a passage, at most so many.")
    outside: tuple[str, ...] | None = Field(
        None, description="Questions from outside the domain, shown to reveal forgetting; default is packaged."
    )
    general: int = Field(60, ge=0, le=60, description="Items of general knowledge asked, to see what was forgotten.")
    retrieval: bool = Field(False, description="Ask base with the passage put before the question, too.")
    endpoints: tuple[str, ...] = Field((), description="Other models to ask, named like the teacher: openai:NAME.")
    judge: Judge = Field(
        None, description="teacher, or another model named like it, to prefer base's answer or the other's, unnamed."
    )
    gate_allows: tuple[Allowed, ...] = Field(
        (), description=f"What `rawtune compare --gate` lets pass: {', '.join(get_args(Allowed))}."
    )

    @field_validator("endpoints")
    @classmethod
    def _can_be_asked(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(Teacher.model_validate({"model": name}).model for name in value)


class Config(Section):
    """The whole of rawtune.yaml."""

    name: str = Field(pattern=r"^[\w][\w.-]*$", description="Names the datasets and reports.")
    language: Literal["en", "zh"] = Field("en", description="Of prompts, question templates and the report.")
    columns: tuple[str, str] = Field(
        ("content", "summary"), description="Names of the question and the answer column of the dataset."
    )
    student: str = Field(
        "embedded:smollm2", description="embedded:smollm2, a local model folder, or a model hub's name."
    )
    passages: Passages = Passages()
    teacher: Teacher = Teacher()
    prompt: Prompt = Prompt()
    synthesis: Synthesis = Synthesis()
    verification: Verification = Verification()
    augmentation: Augmentation = Augmentation()
    dataset: Dataset = Dataset()
    training: Training = Training()
    comparison: Comparison = Comparison()

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, tree: Any) -> Any:
        """A section's heading with nothing under it is that section's defaults."""
        if not isinstance(tree, dict):
            return tree
        sections = {name for name, field in cls.model_fields.items() if isinstance(field.default, Section)}
        return {name: value for name, value in tree.items() if value is not None or name not in sections}

    @field_validator("columns")
    @classmethod
    def _two_names(cls, value: tuple[str, str]) -> tuple[str, str]:
        if value[0].casefold() == value[1].casefold() or not all(name.isidentifier() for name in value):
            raise ValueError("give two different names made of letters, digits and _")
        if {"id", "suite", "history"} & set(value) or max(map(len, value)) > 40:
            raise ValueError(
                "'id', 'suite' and 'history' are columns of a dataset already, and a name has at most 40 characters"
            )
        return value
