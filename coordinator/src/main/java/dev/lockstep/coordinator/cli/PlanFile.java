package dev.lockstep.coordinator.cli;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigSyntax;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import dev.lockstep.coordinator.settings.RunSetting;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;

/** A plan file: the settings of a run in HOCON, or in JSON when its name ends so. */
final class PlanFile {
    private PlanFile() {}

    /**
     * Reads a plan file. Relative paths in it count from its own folder.
     *
     * @throws CommandException if it cannot be read or says what no run understands; the message names the file and the line
     */
    static Map<RunSetting, String> read(Path file) {
        if (!Files.isReadable(file) || Files.isDirectory(file)) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "cannot read the plan file " + file + ": "
                            + (Files.exists(file) ? "not a readable file" : "no such file"));
        }
        Config config = parse(file);
        Map<RunSetting, String> settings = new EnumMap<>(RunSetting.class);
        config.root().forEach((key, value) -> {
            RunSetting setting = RunSetting.find(key)
                    .orElseThrow(() -> invalid(
                            file,
                            value.origin().lineNumber(),
                            "unknown setting '" + key + "', see lockstep run --help for those there are"));
            if (value.valueType() != ConfigValueType.NULL) {
                settings.put(setting, resolve(file, setting, value));
            }
        });
        return settings;
    }

    private static Config parse(Path file) {
        ConfigSyntax syntax = file.toString().endsWith(".json") ? ConfigSyntax.JSON : ConfigSyntax.CONF;
        ConfigParseOptions options =
                ConfigParseOptions.defaults().setAllowMissing(false).setSyntax(syntax);
        try {
            return ConfigFactory.parseFile(file.toFile(), options).resolve();
        } catch (ConfigException e) {
            if (e.origin() == null) {
                throw new CommandException(
                        ExitStatus.USAGE, "cannot read the plan file " + file + ": " + Messages.of(e), e);
            }
            String prefix = e.origin().description() + ": ";
            String message = Messages.of(e);
            throw invalid(
                    file,
                    e.origin().lineNumber(),
                    message.startsWith(prefix) ? message.substring(prefix.length()) : message);
        }
    }

    private static String resolve(Path file, RunSetting setting, ConfigValue value) {
        int line = value.origin().lineNumber();
        try {
            return setting.resolve(text(value), file.toAbsolutePath().getParent());
        } catch (IllegalArgumentException e) {
            throw invalid(file, line, setting.key() + ": " + e.getMessage());
        }
    }

    private static String text(ConfigValue value) {
        if (value instanceof ConfigList list) {
            return list.stream().map(PlanFile::scalar).collect(Collectors.joining(","));
        }
        return scalar(value);
    }

    private static String scalar(ConfigValue value) {
        return switch (value.valueType()) {
            case STRING, NUMBER, BOOLEAN -> String.valueOf(value.unwrapped());
            case LIST, OBJECT, NULL -> throw new IllegalArgumentException("a value or a list of values is expected");
        };
    }

    private static CommandException invalid(Path file, int line, String reason) {
        return new CommandException(ExitStatus.USAGE, file + ":" + line + ": " + reason);
    }
}
