package dev.lockstep.coordinator.peers;

/**
 * A Python that has PyTorch, as it describes itself.
 *
 * @param executable its path
 * @param python its version
 * @param torch PyTorch's version
 * @param torchvision torchvision's version
 * @param cuda the CUDA version PyTorch was built for; null for a build without it
 */
public record Python(String executable, String python, String torch, String torchvision, String cuda) {
    /** For people. */
    public String description() {
        return "PyTorch %s, torchvision %s, Python %s, %s".formatted(torch, torchvision, python, executable);
    }
}
