package dev.lockstep.common.work;

/**
 * Files that a replica's state comes from and goes to, all safetensors with torchvision's state_dict names; replica 0 alone touches
 * them. Paths are absolute.
 *
 * @param load initial parameters and buffers, and the scaler's state where it has one; null for the seed's
 * @param save parameters and buffers at the end, with the scaler's state; null for none
 * @param trace what {@code lockstep trace} writes: {@code loss} of each step, {@code logits} and {@code grad/NAME} of the first,
 *     {@code param/NAME} and {@code buffer/NAME} after the last; null for none
 */
public record StateFiles(String load, String save, String trace) {
    /** Nothing is loaded, saved or traced. */
    public static final StateFiles NONE = new StateFiles(null, null, null);
}
