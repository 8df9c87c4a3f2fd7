"""Inverting and editing: the stages between the shot's latents and the edit's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial

from tokenflow.diffusion.editor import EditReport, edit, edit_levels, edited_frames, rules_for
from tokenflow.diffusion.inversion import inversion_levels, invert
from tokenflow.diffusion.latents import CLEAN, LatentStack, Trajectory
from tokenflow.diffusion.reedit import reedit
from tokenflow.diffusion.settings import EditSettings
from tokenflow.diffusion.source_features import SourceFeatures
from tokenflow.diffusion.versions import Layers, Version
from tokenflow.pipeline.control_pictures import pixels_key
from tokenflow.pipeline.preview import Previews
from tokenflow.pipeline.progress import in_steps
from tokenflow.pipeline.ranks import Editing, Inverting
from tokenflow.pipeline.reedit import Stored, edit_key, kept, stored_version, with_handles
from tokenflow.pipeline.running import Running
from tokenflow.pipeline.settings import edit_settings, inversion_settings
from tokenflow.workspace import content_key


def edit_shot(run: Running, clean: LatentStack, key: str) -> tuple[LatentStack, str]:
    """Invert and edit; the clean latents themselves for methods that do neither."""
    if not run.plan.edits:
        return clean, content_key(key, run.plan.job.edit.method)
    source, inverted = invert_shot(run, clean, key)
    settings = edit_settings(run.plan.job)
    key = edit_key(inverted, settings)
    levels = edit_levels(run.plan.schedule, settings)
    frames = edited_frames(settings, source.frames)
    target = Trajectory(run.workspace.place("edit", key), levels, frames, source.shape)
    rules = rules_for(settings, run.plan.schedule, source.frames, max(source.timesteps))
    run.edited = EditReport.of(rules)
    _compute(run, Stored(Version(settings, target), key), source, clean, inverted)
    return target.at(CLEAN), key


def edit_stretch(
    run: Running, clean: LatentStack, clean_key: str
) -> tuple[LatentStack, LatentStack, str, str]:
    """Edit a stretch upon the earlier edit; give what is decoded, with its keys."""
    source, inverted = invert_shot(run, clean, clean_key)
    stored = stored_version(run.plan, run.workspace, inverted)
    for one in stored.chain:
        if one is not stored and one.version.out.complete:
            run.workspace.used("edit", one.key)
            continue
        if one is not stored:
            run.warn("the latents of the base are no longer in the workspace: computed again")
        run.edited = one.report(run.plan.schedule)
        _compute(run, one, source, clean, inverted)
    frames, shape = with_handles(run.plan), source.shape
    layers = Layers(stored.version, source)
    key, clean_key = (content_key(one, "frames", list(frames)) for one in (stored.key, clean_key))
    edited = kept(run.folder("stretch", key), frames, partial(layers.read, CLEAN), shape)
    before = kept(run.folder("stretch", clean_key), frames, clean.read, shape)
    return edited, before, key, clean_key


def invert_shot(run: Running, clean: LatentStack, key: str) -> tuple[Trajectory, str]:
    """Find the noise that leads back to the shot, at every level that the edit starts from."""
    job = run.plan.job
    settings = inversion_settings(job)
    levels = inversion_levels(run.plan.schedule, edit_settings(job), settings)
    key = content_key(
        key,
        asdict(replace(settings, frames_per_batch=1)),
        levels,
        job.edit.source_prompt,
        str(run.dtype),
        # Only where there are any, so that what earlier versions left is found.
        *_held_by(run),
    )
    source = Trajectory(run.folder("invert", key), levels, clean.frames, clean.shape)
    # Up to the noisiest level that the edit needs.
    grid = run.plan.schedule.timesteps(settings.steps)
    steps = sum(timestep <= max(levels) for timestep in grid)
    with run.stage("invert", steps * len(clean.frames), reused=source.complete) as tell:
        if not source.complete:
            progress = in_steps(tell, len(clean.frames), steps)
            if not run.team.ranks.alone:
                task = Inverting(clean, source, settings, job.edit.source_prompt)
                run.inversion = run.by_all(task, progress)
                return source, key
            run.inversion = run.room.fitting(
                run.model,
                "unet",
                settings.frames_per_batch,
                lambda frames: invert(
                    run.model,
                    clean,
                    source,
                    replace(settings, frames_per_batch=frames),
                    job.edit.source_prompt,
                    progress,
                ),
            )
    return source, key


def _held_by(run: Running) -> list[list[object]]:
    """Name what ControlNets hold the latents to: by the pictures, whatever they were drawn from."""
    return [
        [pixels_key(one.pictures), one.info.sha256, one.weight] for one in run.holds if one.weight
    ]


def _compute(
    run: Running, stored: Stored, source: Trajectory, clean: LatentStack, inverted: str
) -> None:
    """Take the stage that edits a shot, or a stretch of it."""
    settings, target = stored.version.settings, stored.version.out
    run.folder("edit", stored.key)
    steps, frames = len(target.timesteps) - 1, len(target.frames)

    def computed(progress: Callable[[int, int], None], at_once: int) -> EditReport:
        fewer = min(at_once, settings.keyframes_per_batch)
        fitting = replace(settings, frames_per_batch=at_once, keyframes_per_batch=fewer)
        if stored.version.base is not None:
            version = replace(stored.version, settings=fitting)
            return reedit(run.model, source, clean, version, progress)
        features = _source_features(run, settings, inverted)
        return edit(run.model, source, clean, target, fitting, progress, features=features)

    with run.stage("edit", steps * frames, reused=target.complete) as tell:
        if not target.complete:
            progress = _with_previews(run, in_steps(tell, frames, steps), target)
            if stored.version.base is None and not run.team.ranks.alone:
                features = _source_features(run, settings, inverted)
                run.edited = run.by_all(
                    Editing(source, clean, target, settings, features), progress
                )
                return
            run.edited = run.room.fitting(
                run.model,
                "unet",
                settings.frames_per_batch,
                lambda at_once: computed(progress, at_once),
            )


def _source_features(run: Running, settings: EditSettings, inverted: str) -> SourceFeatures | None:
    """Give the place of what another prompt on the same shot need not compute again."""
    if settings.method != "tokenflow" or settings.mode != "paper":
        return None
    key = content_key(
        inverted,
        settings.steps,
        settings.seed,
        settings.keyframe_interval,
        settings.keyframes,
    )
    folder = run.held.enter_context(run.workspace.stage_if_free("features", key))
    # Another prompt on this shot may be finding them now; without them the bits are the same.
    return SourceFeatures(folder, run.plan.numbers) if folder else None


def _with_previews(
    run: Running, progress: Callable[[int, int], None], target: Trajectory
) -> Callable[[int, int], None]:
    """Show a frame now and then between two batches, if anybody wants to see it."""
    if not run.plan.options.previews:
        return progress
    previews = Previews(run.model, target, run.emit)

    def told(done: int, of: int) -> None:
        progress(done, of)
        previews.look()

    return told
