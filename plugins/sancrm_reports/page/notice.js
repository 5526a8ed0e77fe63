// A line that says what is the matter.

const { createElement: h } = React;
const { Alert } = ChakraUI;

export function Notice({ status, children }) {
  return h(
    Alert.Root,
    { status, size: "sm" },
    h(Alert.Indicator),
    h(Alert.Title, { fontWeight: "normal" }, children),
  );
}
