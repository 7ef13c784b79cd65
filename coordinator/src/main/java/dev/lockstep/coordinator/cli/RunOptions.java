package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.settings.RunSetting;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;

/** The options that say what a run measures, on the command line and in a plan file. */
final class RunOptions {
    private static final String PLAN = "--plan";

    private final Path directory;

    /**
     * Makes the options.
     *
     * @param directory what relative paths on the command line count from
     */
    RunOptions(Path directory) {
        this.directory = directory;
    }

    /** Gives a command these options. */
    void addTo(CommandSpec command) {
        command.addOption(OptionSpec.builder(PLAN)
                .paramLabel("FILE")
                .type(Path.class)
                .description("plan file, HOCON or JSON, with the options below as keys; options given here win")
                .build());
        for (RunSetting setting : RunSetting.values()) {
            command.addOption(option(setting));
        }
    }

    /** One option, for {@link #addTo} and for commands that have only some of them. */
    OptionSpec option(RunSetting setting) {
        OptionSpec.Builder option = OptionSpec.builder(setting.option())
                .paramLabel(setting.placeholder())
                .type(String.class)
                .converters(value -> resolve(setting, value))
                .description(setting.description())
                .hidden(setting.isHidden());
        return (setting.isFlag() ? option.arity("0..1").fallbackValue("true") : option).build();
    }

    private String resolve(RunSetting setting, String value) {
        try {
            return setting.resolve(value, directory);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }

    /**
     * What the user gave, by key: the plan file's settings and over them the command line's.
     *
     * @throws CommandException if the plan file cannot be read
     */
    Map<String, String> given(ParseResult parsed) {
        Map<RunSetting, String> commandLine = chosen(parsed, List.of(RunSetting.values()));
        Map<RunSetting, String> merged = new EnumMap<>(RunSetting.class);
        if (parsed.hasMatchedOption(PLAN)) {
            Path plan = parsed.matchedOptionValue(PLAN, Path.of(""));
            merged.putAll(PlanFile.read(directory.resolve(plan)));
        }
        // Weak and strong scaling exclude each other: naming one on the command line drops the plan's other one.
        if (commandLine.containsKey(RunSetting.GLOBAL_BATCH)) {
            merged.remove(RunSetting.BATCH_PER_DEVICE);
        }
        if (commandLine.containsKey(RunSetting.BATCH_PER_DEVICE)) {
            merged.remove(RunSetting.GLOBAL_BATCH);
        }
        merged.putAll(commandLine);
        return RunSetting.byKey(merged);
    }

    /** Those of some settings that the command line gives. */
    static Map<RunSetting, String> chosen(ParseResult parsed, List<RunSetting> settings) {
        Map<RunSetting, String> chosen = new EnumMap<>(RunSetting.class);
        for (RunSetting setting : settings) {
            if (parsed.hasMatchedOption(setting.option())) {
                chosen.put(setting, parsed.matchedOptionValue(setting.option(), ""));
            }
        }
        return chosen;
    }
}
