package dev.lockstep.coordinator.settings;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.Labelled;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Option values by name: as the user gave them over the defaults, read with one clear line for what is wrong. */
final class RunOptions {
    private final Config given;
    private final Config defaults;

    private RunOptions(Config given, Config defaults) {
        this.given = given;
        this.defaults = defaults;
    }

    /**
     * Options over the defaults for this kind of devices.
     *
     * @param given what the user set, by option name
     * @param onCpu whether the devices are CPU devices, for which some defaults are smaller
     * @throws LockstepException for a name that is no option
     */
    static RunOptions of(Config given, boolean onCpu) {
        for (String name : given.root().keySet()) {
            if (RunSetting.find(name).isEmpty()) {
                throw usage("unknown option '" + name + "': the options are "
                        + Arrays.stream(RunSetting.values())
                                .map(RunSetting::key)
                                .collect(Collectors.joining(", ")));
            }
        }
        Config file = ConfigFactory.parseResources("plan-defaults.conf");
        Config defaults = file.getConfig("plan");
        if (onCpu) {
            defaults = file.getConfig("plan-on-cpu").withFallback(defaults);
        }
        return new RunOptions(given, defaults);
    }

    /** The default as it would be on GPUs, the source document's. */
    static Object documentDefault(RunSetting option) {
        return ConfigFactory.parseResources("plan-defaults.conf")
                .getConfig("plan")
                .getValue(option.key())
                .unwrapped();
    }

    boolean isGiven(RunSetting option) {
        return given.hasPath(option.key());
    }

    boolean isSet(RunSetting option) {
        return isGiven(option) || defaults.hasPath(option.key());
    }

    /** The one value of an option. */
    String text(RunSetting option) {
        List<String> values = texts(option);
        if (values.size() != 1) {
            throw usage(option.option() + " takes one value, not " + values.size());
        }
        return values.get(0);
    }

    /** The values of an option: a list, or text with commas between them. */
    List<String> texts(RunSetting option) {
        ConfigValue value = (isGiven(option) ? given : defaults).root().get(option.key());
        List<?> items = value.valueType() == ConfigValueType.LIST
                ? (List<?>) value.unwrapped()
                : option.isList()
                        ? Arrays.asList(String.valueOf(value.unwrapped()).split(",", -1))
                        : List.of(value.unwrapped());
        List<String> texts =
                items.stream().map(item -> String.valueOf(item).strip()).collect(Collectors.toList());
        if (texts.isEmpty() || texts.contains("")) {
            throw usage(option.option() + " needs a value");
        }
        return texts;
    }

    int integer(RunSetting option, int least) {
        return integer(option, text(option), least);
    }

    List<Integer> integers(RunSetting option, int least) {
        List<Integer> numbers = new ArrayList<>();
        for (String text : texts(option)) {
            numbers.add(integer(option, text, least));
        }
        return distinct(option, numbers);
    }

    private static int integer(RunSetting option, String text, int least) {
        int number = parse(option, text, Integer::parseInt, "a whole number");
        if (number < least) {
            throw usage(option.option() + " is " + number + ": it must be at least " + least);
        }
        return number;
    }

    long longInteger(RunSetting option) {
        return parse(option, text(option), Long::parseLong, "a whole number");
    }

    /** A number from {@code least} up to, but not including, {@code limit}. */
    double number(RunSetting option, double least, double limit) {
        double number = parse(option, text(option), Double::parseDouble, "a number");
        if (!(number >= least && number < limit)) {
            String bound = Double.isInfinite(limit) ? "" : " and below " + limit;
            throw usage(option.option() + " is " + number + ": it must be at least " + least + bound);
        }
        return number;
    }

    /** A number when the option is set, else null. */
    Double numberIfSet(RunSetting option, double least, double limit) {
        return isSet(option) ? (Double) number(option, least, limit) : null;
    }

    /** Whether an option that is true or false is set and true. */
    boolean flag(RunSetting option) {
        if (!isSet(option)) {
            return false;
        }
        String text = text(option);
        if (!text.equals("true") && !text.equals("false")) {
            throw usage(option.option() + " is '" + text + "': it must be true or false");
        }
        return text.equals("true");
    }

    /** An absolute path when the option is set, else null. */
    String pathIfSet(RunSetting option) {
        return isSet(option) ? Path.of(text(option)).toAbsolutePath().toString() : null;
    }

    <E extends Enum<E> & Labelled> E constant(RunSetting option, Class<E> type) {
        return Labelled.require(type, option.key(), text(option));
    }

    <E extends Enum<E> & Labelled> List<E> constants(RunSetting option, Class<E> type) {
        return Labelled.requireAll(type, option.key(), texts(option));
    }

    private static <T> List<T> distinct(RunSetting option, List<T> values) {
        if (values.stream().distinct().count() != values.size()) {
            throw usage(option.option() + " names something twice");
        }
        return values;
    }

    private static <T> T parse(RunSetting option, String text, Function<String, T> parser, String what) {
        try {
            return parser.apply(text);
        } catch (NumberFormatException e) {
            throw new LockstepException(
                    FailureCategory.USAGE, option.option() + " is '" + text + "': it must be " + what, e);
        }
    }

    static LockstepException usage(String message) {
        return new LockstepException(FailureCategory.USAGE, message);
    }
}
