/** All words in Hindi, as one file that is loaded when they are wanted. */
export default import.meta.glob("./*.json", { eager: true, import: "default" });
